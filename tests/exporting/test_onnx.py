"""ONNX graphs against torch, and what is said where they cannot be made."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from simulacra.evaluation.subject import open_model
from simulacra.exporting import onnx as graphs
from simulacra.exporting.model import TrainedModel
from simulacra.runs import RunFolder

FILES = {
    "vae": ["decoder", "encoder"],
    "gan": ["generator"],
    "wgan": ["generator"],
    "infogan": ["generator"],
    "acgan": ["generator", "classifier"],
    "classifier": ["classifier"],
}


def opened(run: Path) -> TrainedModel:
    return TrainedModel(RunFolder(run), open_model(RunFolder(run)))


def test_graphs_give_the_numbers_of_torch_for_every_family(family: str, trained: Any, simulacra: Any) -> None:
    run = trained(family)
    ended = simulacra("export", run, "--format", "onnx", "--out", run / "out")
    assert ended.code == 0, ended.err
    model = opened(run)
    wanted = {graph.name: graph for graph in graphs.graphs_of(model)}
    assert sorted(wanted) == sorted(FILES.get(family, wanted))
    for name, graph in wanted.items():
        content = (run / "out" / f"{name}.onnx").read_bytes()
        assert str(Path(graphs.__file__).parent).encode() not in content, "no place of this machine is told"
        onnx.checker.check_model(onnx.load_from_string(content))
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        assert [end.name for end in (*session.get_inputs(), *session.get_outputs())] == [graph.input, graph.output]
        for count in (1, 7):
            given = torch.randn(count, *graph.shape, generator=torch.Generator().manual_seed(count))
            with model.subject.objective.evaluating():
                expected = graph.function(given).numpy()
            found = session.run(None, {graph.input: given.numpy()})[0]
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= 1e-4


def test_a_graph_of_a_network_that_upsamples_gives_the_numbers_of_torch(trained: Any) -> None:
    upsample = {"kind": "upsample", "stem_channels": 4, "channels": [3]}
    model = opened(trained("gan", **{"networks.generator": upsample}))
    ((name, content),) = graphs.onnx_files(model).items()
    assert name == "generator.onnx"
    assert graphs.worst_difference(content, model.subject.objective, graphs.graphs_of(model)[0]) <= 1e-5


def test_a_graph_that_differs_is_not_let_out(trained: Any, monkeypatch: Any) -> None:
    model = opened(trained("gan"))
    monkeypatch.setattr(graphs, "worst_difference", lambda *_: 0.5)
    monkeypatch.setattr(
        graphs.torch.onnx, "export", lambda *_, **__: type("Made", (), {"model_proto": onnx.ModelProto()})
    )
    with pytest.raises(graphs.RunError, match=r"generator\.onnx differs from the model by 0\.5"):
        graphs.onnx_files(model)


def test_a_difference_is_seen(trained: Any) -> None:
    model = opened(trained("gan"))
    graph = graphs.graphs_of(model)[0]
    double = onnx.helper.make_node("Mul", ["codes", "codes"], ["images"])
    ends = [onnx.helper.make_tensor_value_info(name, 1, ["n", 3]) for name in ("codes", "images")]
    made = onnx.helper.make_model(onnx.helper.make_graph([double], "g", ends[:1], ends[1:]), ir_version=10)
    square = graph._replace(function=torch.square)
    content, objective = made.SerializeToString(), model.subject.objective
    assert graphs.worst_difference(content, objective, square) < 1e-6
    other = graph._replace(function=lambda codes: codes.square() + 0.25)
    assert graphs.worst_difference(made.SerializeToString(), model.subject.objective, other) == pytest.approx(
        0.25, 0.25
    )


def test_a_missing_extra_is_told_with_its_command(
    trained: Any, simulacra: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    run, find = trained("gan"), importlib.util.find_spec
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name.startswith("onnx") else find(name))
    for form in ("onnx", "web"):
        ended = simulacra("export", run, "--format", form, "--out", tmp_path / "out")
        assert ended.code == 2
        assert "pip install 'simulacra[onnx]'" in ended.err
    assert not (tmp_path / "out").exists()
