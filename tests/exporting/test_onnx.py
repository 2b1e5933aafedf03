"""ONNX graphs against torch, where ONNX Runtime Web comes from, and what is said where they cannot be had."""

import importlib.util
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from simulacra.errors import RunError
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


def test_graphs_give_the_numbers_of_torch_for_every_family(family, onnx_export) -> None:
    run, out = onnx_export(family)
    model = opened(run)
    wanted = {graph.name: graph for graph in graphs.graphs_of(model)}
    assert sorted(wanted) == sorted(FILES.get(family, wanted))
    for name, graph in wanted.items():
        content = (out / f"{name}.onnx").read_bytes()
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


def test_a_graph_of_a_network_that_upsamples_gives_the_numbers_of_torch(trained) -> None:
    upsample = {"kind": "upsample", "stem_channels": 4, "channels": [3]}
    model = opened(trained("gan", **{"networks.generator": upsample}))
    ((name, content),) = graphs.onnx_files(model).items()
    assert name == "generator.onnx"
    assert graphs.worst_difference(content, model.subject.objective, graphs.graphs_of(model)[0]) <= 1e-5


def test_a_graph_that_differs_is_not_let_out(trained, monkeypatch) -> None:
    model = opened(trained("gan"))
    monkeypatch.setattr(graphs, "worst_difference", lambda *_: 0.5)
    monkeypatch.setattr(
        graphs.torch.onnx, "export", lambda *_, **__: type("Made", (), {"model_proto": onnx.ModelProto()})
    )
    with pytest.raises(graphs.RunError, match=r"generator\.onnx differs from the model by 0\.5"):
        graphs.onnx_files(model)


def test_a_difference_is_seen(trained) -> None:
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


def test_a_missing_extra_is_told_with_its_command(trained, simulacra, monkeypatch, tmp_path) -> None:
    run, find = trained("gan"), importlib.util.find_spec
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name.startswith("onnx") else find(name))
    for form in ("onnx", "web"):
        ended = simulacra("export", run, "--format", form, "--out", tmp_path / "out", code=2)
        assert (
            "onnx, onnxscript, onnxruntime are not installed; install them: pip install onnx onnxscript " in ended.err
        )
        assert (
            "pip install onnx onnxscript onnxruntime; or, in a clone of Simulacra, pip install '.[onnx]'" in ended.err
        )
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name == "onnx" else find(name))
    ended = simulacra("export", run, "--format", "onnx", "--out", tmp_path / "out", code=2)
    assert "onnx is not installed; install it: pip install onnx;" in ended.err
    assert not (tmp_path / "out").exists()


CONTENT = {part: part.encode() for part in graphs.PARTS}


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def npm(code: int, words: str = "") -> Any:
    """An npm that packs the package, or fails with a message."""

    def run(command: list[str], **_: Any) -> Any:
        if not code:
            place = Path(command[command.index("--pack-destination") + 1])
            with tarfile.open(place / "onnxruntime-web.tgz", "w:gz") as archive:
                for part, content in CONTENT.items():
                    entry = tarfile.TarInfo(f"package/dist/{part}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        return subprocess.CompletedProcess(command, code, "", words)

    return run


@pytest.mark.parametrize("below", [".", "dist", "package/dist"])
def test_a_folder_that_was_unpacked_by_hand_does(below, tmp_path) -> None:
    (tmp_path / "ort" / below).mkdir(parents=True)
    for part, content in CONTENT.items():
        (tmp_path / "ort" / below / part).write_bytes(content)
    files = graphs.runtime_files(tmp_path / "ort")
    assert {files[name] for name in graphs.PARTS.values()} == set(CONTENT.values())
    assert b"MIT License" in files["ort/LICENSE"]


def test_npm_is_asked_once(monkeypatch) -> None:
    monkeypatch.setattr(graphs.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(graphs.subprocess, "run", npm(0))
    first = graphs.runtime_files()
    monkeypatch.setattr(graphs.subprocess, "run", npm(1))
    assert graphs.runtime_files() == first, "the second time they come from the cache"


def test_what_is_missing_is_told_with_what_to_do(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(graphs.shutil, "which", lambda _: None)
    with pytest.raises(RunError, match="there is no npm to fetch it with; install npm, or where npm works"):
        graphs.runtime_files()
    monkeypatch.setattr(graphs.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(graphs.subprocess, "run", npm(1, "npm error network request failed\n"))
    with pytest.raises(RunError, match=r"\(npm error network request failed\); go online and try again, or"):
        graphs.runtime_files()
    with pytest.raises(RunError, match=f"--ort {tmp_path}: it lacks ort.wasm"):
        graphs.runtime_files(tmp_path)
