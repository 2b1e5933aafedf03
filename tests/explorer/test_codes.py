"""Pictures of codes as the explorer answers them: the same pixels as the command line, and sentences for bad codes.

Ways between codes, as numbers.
"""

import io
import json
import math
import shlex
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from simulacra.evaluation.directions import NAME, learn, to_bytes
from simulacra.explorer.codes import among, between, interpolate, slerp
from simulacra.objectives.code import Code
from simulacra.settings.objectives import CodeSettings

FAMILIES = ["vae", "gan", "acgan", "infogan", "wgan"]


def ask(one: dict[str, Any]) -> dict[str, str]:
    return {"code": json.dumps(one)}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "one", [{"seed": 4}, {"seed": 4, "principal_directions": {"1": 2.5, "2": -1}}, {"overrides": {"2": 3}}], ids=str
)
def test_the_command_that_is_told_writes_the_very_bytes_that_are_shown(
    family, one, run_of, client, simulacra, tmp_path
) -> None:
    asks = client(run_of(family).path)
    place = f"/runs/the-{family}/picture"
    shown = asks.get(f"{place}.png", params=ask(one))
    assert shown.headers["content-type"] == "image/png"
    program, *words = shlex.split(asks.get(f"{place}.json", params=ask(one)).json()["command"])
    assert program == "simulacra"
    words[words.index("--out") + 1] = str(tmp_path / "picture.png")
    simulacra(*words, code=0)
    assert (tmp_path / "picture.png").read_bytes() == shown.content


def test_labels_and_steps_reach_the_command_too(run_of, client, simulacra, tmp_path) -> None:
    asks, one = client(run_of("acgan").path), {"seed": 2, "labels": {"Smiling": 0.3, "Male": 1}}
    query = ask(one) | {"step": "3"}
    told = asks.get("/runs/the-acgan/picture.json", params=query).json()
    assert (told["step"], told["labels"]) == (3, {"Smiling": 0.3, "Male": 1.0})
    words = shlex.split(told["command"])[1:]
    words[words.index("--out") + 1] = str(tmp_path / "picture.png")
    simulacra(*words, code=0)
    shown = asks.get("/runs/the-acgan/picture.png", params=query).content
    assert (tmp_path / "picture.png").read_bytes() == shown
    assert shown != asks.get("/runs/the-acgan/picture.png", params=ask(one)).content, "the newest is another one"


def test_directions_that_are_learned_meanwhile_are_taken_and_the_command_writes_the_same(
    make_run, client, simulacra, tmp_path
) -> None:
    run = make_run("infogan")  # its code is 3 numbers of noise, 5 of categories and a continuous one
    asks, one = client(run.path), ask({"seed": 3, "attributes": {"Hat": 1.5}})
    assert asks.get("/runs/first.json").json()["attributes"] == []
    assert "there is no direction for it" in asks.get("/runs/first/picture.png", params=one).json()["error"]
    codes, hat = np.zeros((20, 9), np.float32), np.arange(20, dtype=np.uint8) % 2
    codes[:, 0] = codes[:, 8] = hat
    run.write(NAME, to_bytes(learn(codes, hat[:, None], ("Hat",), step=6, source="codes")))
    assert asks.get("/runs/first.json").json()["attributes"] == ["Hat"]
    before, told = (asks.get("/runs/first/picture.json", params=q).json() for q in (ask({"seed": 3}), one))
    assert told["noise"][0] - before["noise"][0] == pytest.approx(1.5, abs=1e-3)
    assert told["continuous"]["1"] - before["continuous"]["1"] == pytest.approx(1.5, abs=1e-3)
    shown = asks.get("/runs/first/picture.png", params=one).content
    words = shlex.split(told["command"])[1:]
    words[words.index("--out") + 1] = str(tmp_path / "picture.png")
    for described in (words[words.index("--codes") + 1], one["code"]):  # its numbers, and its attribute
        words[words.index("--codes") + 1] = described
        simulacra(*words, code=0)
        assert (tmp_path / "picture.png").read_bytes() == shown
    assert asks.get("/runs/first.json", params={"step": 3}).json()["attributes"] == [], "they are of step 6"


def test_equal_codes_give_equal_bytes_and_others_do_not(run_of, client) -> None:
    asks = client(run_of("gan").path)
    first, again, other = (asks.get("/runs/the-gan/picture.png", params=ask({"seed": n})).content for n in (1, 1, 2))
    assert first == again
    assert first != other


def test_grey_oblong_pictures_of_classes_are_drawn_too(make_run, client, made) -> None:
    kind = {"shape": (8, 16, 1), "labels": ("Coat", "Bag"), "exclusive": True}
    changes = {"data.size": "16x8", "data.channels": 1, "data.labels": ["Coat", "Bag"], "data.exclusive": True}
    asks = client(make_run("acgan", store=kind, **changes).path)
    assert asks.get("/runs/first.json").json()["size"] == [16, 8]
    coat, bag = (asks.get("/runs/first/picture.png", params=ask({"labels": {name: 1}})) for name in ("Coat", "Bag"))
    assert made.pixels(coat.content).shape == (8, 16)
    assert coat.content != bag.content
    told = asks.get("/runs/first/picture.json", params=ask({"labels": {"Bag": 1}})).json()
    assert told["labels"] == {"Coat": 0, "Bag": 1}
    assert made.pixels(asks.get("/runs/first/samples.png", params={"count": 3}).content).shape == (8, 48)
    assert asks.post("/runs/first/code.json", content=made.picture()).json()["method"] == "search"


def test_samples_are_the_pictures_of_their_seeds(run_of, client, made) -> None:
    asks = client(run_of("acgan").path)
    told = asks.get("/runs/the-acgan/samples.json", params={"seed": 5, "count": 3}).json()
    assert told == {"codes": [{"seed": 5}, {"seed": 6}, {"seed": 7}]}
    strip = made.pixels(asks.get("/runs/the-acgan/samples.png", params={"seed": 5, "count": 3}).content)
    assert strip.shape == (8, 24, 3)
    for place, one in enumerate(told["codes"]):
        alone = made.pixels(asks.get("/runs/the-acgan/picture.png", params=ask(one)).content)
        assert np.abs(strip[:, 8 * place : 8 * place + 8].astype(int) - alone).max() <= 1


@pytest.mark.parametrize(
    ("family", "along", "count"),
    [
        ("gan", "principal_directions:1", 9),
        ("vae", "overrides:2", 9),
        ("acgan", "labels:Male", 9),
        ("infogan", "categories:2", 3),
        ("infogan", "continuous:1", 9),
        ("vae", "attributes:Male", 9),
    ],
)
def test_a_strip_has_a_picture_for_each_of_its_codes(family, along, count, run_of, client, made) -> None:
    asks, query = client(run_of(family).path), ask({"seed": 1}) | {"along": along}
    told = asks.get(f"/runs/the-{family}/strip.json", params=query).json()
    key, place = along.split(":")
    assert [one[key][place] for one in told["codes"]] == told["values"]
    assert told["values"] == sorted(set(told["values"]))
    strip = made.pixels(asks.get(f"/runs/the-{family}/strip.png", params=query).content)
    assert strip.shape == (8, 8 * count, 3)
    assert len({strip[:, 8 * n : 8 * n + 8].tobytes() for n in range(count)}) > 1, "it is seen in the picture"


def test_an_interpolation_goes_from_its_first_code_to_its_last(run_of, client, made) -> None:
    asks = client(run_of("gan").path)
    query = {"code": [json.dumps({"seed": seed}) for seed in (1, 2)], "frames": "5"}
    told = asks.get("/runs/the-gan/interpolation.json", params=query).json()["codes"]
    strip = made.pixels(asks.get("/runs/the-gan/interpolation.png", params=query).content)
    assert (len(told), strip.shape) == (5, (8, 40, 3))
    for one, seed in ((told[0], 1), (told[-1], 2)):
        ends = [asks.get("/runs/the-gan/picture.png", params=ask(code)).content for code in (one, {"seed": seed})]
        assert np.abs(made.pixels(ends[0]).astype(int) - made.pixels(ends[1])).max() <= 1


def test_an_interpolation_among_four_codes_is_a_square(run_of, client) -> None:
    query = {"code": [json.dumps({"seed": seed}) for seed in range(4)], "frames": "3"}
    asks = client(run_of("gan").path)
    assert len(asks.get("/runs/the-gan/interpolation.json", params=query).json()["codes"]) == 9
    refused = asks.get("/runs/the-gan/interpolation.json", params=query | {"code": query["code"][:3]})
    assert refused.status_code == 422
    assert refused.json()["error"] == "3 codes were given to interpolate between; give 2 or 4"
    assert asks.get("/runs/the-gan/interpolation.png", params=query | {"frames": "13"}).status_code == 422


def test_two_runs_draw_the_same_noise_and_labels_by_name(make_run, client) -> None:
    plain = make_run("gan", name="plain")
    named = make_run("acgan", name="named", **{"data.labels": ["Male", "Smiling"]})
    again = make_run("acgan", name="again", steps=(3, 7))
    wide = make_run("gan", name="wide", **{"objective.code.noise": 5})
    asks = client(plain.path, named.path, again.path, wide.path)
    one = {"seed": 3, "labels": {"Smiling": 1, "Male": 0}}
    here = asks.get("/runs/named/picture.json", params=ask(one)).json()
    there = asks.get("/runs/again/picture.json", params=ask(one) | {"like": "named"}).json()
    assert (here["noise"], here["labels"]) == (there["noise"], there["labels"])
    bare = asks.get("/runs/plain/picture.json", params=ask(one) | {"like": "named"}).json()
    assert bare["noise"] == here["noise"]
    refused = asks.get("/runs/wide/picture.png", params=ask(one) | {"like": "named"})
    assert refused.status_code == 422
    assert (
        "the codes of the two runs do not fit: one has 3 dimensions of normal noise, the other has 5"
        in refused.json()["error"]
    )


@pytest.mark.parametrize(
    ("place", "query", "said"),
    [
        ("picture.png", {"code": "{"}, "the code is no JSON"),
        ("picture.json", {"code": '[{"seed": 1}, {"seed": 2}]'}, "2 codes were given where one is drawn"),
        (
            "picture.png",
            {"code": '{"overrides": {"1": 1e5}}'},
            "overrides.1 is 100000, out of range; expected -100 to 100",
        ),
        ("picture.png", {"code": '{"numbers": [1]}'}, "numbers has 1 numbers, and a code of this model 3"),
        ("picture.png", {"step": "99"}, "has no checkpoint at step 99; it has: 3, 6"),
        ("picture.png", {"step": "-1"}, "step: input should be greater than or equal to 0"),
        ("picture.gif", {}, "form: input should be 'png' or 'json'"),
        ("samples.png", {"count": "65"}, "count: input should be less than or equal to 64"),
        ("strip.png", {"along": "fame:1"}, "along 'fame:1': expected one of"),
        ("strip.png", {"along": "principal_directions:x"}, "along 'principal_directions:x': expected one of"),
        ("strip.png", {"along": "categories:1"}, "this model has 0 categorical codes"),
        ("strip.png", {"along": "labels:Hat"}, "trained without labels"),
        ("strip.png", {}, "along: field required"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(place, query, said, run_of, client) -> None:
    ended = client(run_of("gan").path).get(f"/runs/the-gan/{place}", params=query)
    assert ended.status_code == 422
    assert said in ended.json()["error"]
    assert "\n" not in ended.json()["error"]


def test_the_way_between_two_right_angles_is_the_arc() -> None:
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    third = slerp(first, second, 1 / 3)
    assert third.tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])
    assert torch.allclose(slerp(first, second, 0.0), first)
    assert torch.allclose(slerp(first, second, 1.0), second, atol=1e-6)


def test_normal_noise_keeps_its_length_on_the_way() -> None:
    first, second = torch.randn(2, 400, generator=torch.Generator().manual_seed(0))
    lengths = [slerp(first, second, share).norm() for share in (0.25, 0.5, 0.75)]
    assert min(lengths) > 0.95 * min(first.norm(), second.norm())
    assert torch.lerp(first, second, 0.5).norm() < 0.8 * min(first.norm(), second.norm())


@pytest.mark.parametrize("second", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
def test_where_no_arc_is_the_one_the_way_is_straight(second) -> None:
    found = slerp(torch.tensor([1.0, 2.0]), torch.tensor(second), 0.5)
    assert found.tolist() == pytest.approx([(1 + second[0]) / 2, (2 + second[1]) / 2])


def test_labels_and_uniform_noise_go_the_straight_way() -> None:
    normal = Code(CodeSettings(noise=2), 1)
    half = between(normal, torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1]), 0.5)
    assert half.tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0.5])
    uniform = Code(CodeSettings(noise=2, distribution="uniform"), 1)
    half = between(uniform, torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1]), 0.5)
    assert half.tolist() == [0.5, 0.5, 0.5]


def test_the_corners_of_a_square_are_the_codes_it_was_made_of() -> None:
    code, corners = Code(CodeSettings(noise=3)), torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    found = interpolate(code, corners, 4)
    assert found.shape == (16, 3)
    assert torch.allclose(found[[0, 3, 12, 15]], corners, atol=1e-5)
    assert torch.allclose(found[6], among(code, corners, 2 / 3, 1 / 3), atol=1e-5)


def frames(content: bytes) -> tuple[str, list[Any], list[int]]:
    """Format, frames and milliseconds of an animation."""
    with Image.open(io.BytesIO(content)) as image:
        drawn = [(frame.convert("RGB"), frame.info["duration"]) for frame in ImageSequence.Iterator(image)]
        return image.format, [np.asarray(frame).astype(int) for frame, _ in drawn], [time for _, time in drawn]


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_a_walk_is_animated_there_and_back_with_the_images_that_are_shown(form, run_of, client, made) -> None:
    asks = client(run_of("vae").path)
    query = {"code": ['{"seed": 1}', '{"seed": 2}'], "frames": 5, "pixels": True}
    kind, drawn, times = frames(asks.get(f"/runs/the-vae/interpolation.{form}", params=query).content)
    strip = made.pixels(asks.get("/runs/the-vae/interpolation.png", params=query).content).astype(int)
    assert kind == form.upper()
    assert sum(times) == 8 * 70
    assert drawn[0].shape == (256, 256, 3), "8 pixels are enlarged 32 times"
    shown = [strip[:, 8 * index : 8 * index + 8] for index in (0, 1, 2, 3, 4, 3, 2, 1)]
    for frame, image in zip(drawn, shown, strict=True):
        assert np.abs(frame[16::32, 16::32] - image).mean() < 12


def test_the_other_walks_and_a_training_are_animated(run_of, client) -> None:
    vae = client(run_of("vae").path)
    square = {"code": [f'{{"seed": {seed}}}' for seed in range(4)], "frames": 3}
    for path, query, count in (
        ("interpolation.gif", square, 8),
        ("strip.gif", {"along": "principal_directions:1", "count": 3}, 4),
        ("map/line.webp", {"x": [-1, 1], "y": [0, 0], "count": 3}, 4),
    ):
        answer = vae.get(f"/runs/the-vae/{path}", params=query)
        assert answer.headers["content-type"] == f"image/{path.rpartition('.')[2]}"
        assert len(frames(answer.content)[1]) == count
    kind, drawn, times = frames(vae.get("/runs/the-vae/training.gif", params={"at": [3, 6]}).content)
    assert (kind, len(drawn), times) == ("GIF", 2, [200, 1000])
    missing = vae.get("/runs/the-vae/training.gif", params={"at": [3, 5]})
    assert missing.status_code == 422
    assert "step 5" in missing.json()["error"]


def test_grey_images_are_animated(make_run, client) -> None:
    run = make_run("gan", store={"shape": (8, 8, 1)}, **{"data.channels": 1})
    answer = client(run.path).get("/runs/first/strip.gif", params={"along": "overrides:1", "count": 3})
    assert len(frames(answer.content)[1]) == 4
