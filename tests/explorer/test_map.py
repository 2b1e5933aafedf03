"""The map of test codes, what lies between its dots, the test pictures behind them; and codes of uploads."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.data.store import open_store
from simulacra.evaluation.maps import principal_components
from simulacra.explorer.map import MOST_PIXELS, CodeMap


def numbers(packed: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), "<f4")


@pytest.fixture
def asks(run_of: Any, client: Any) -> Any:
    return client(run_of("vae").path)


def test_the_map_is_that_of_the_run_folder(asks, run_of) -> None:
    told, kept = asks.get("/runs/the-vae/map.json").json(), run_of("vae").arrays("map")
    assert np.allclose(told["points"], kept["points"], atol=1e-4)
    assert told["labels"] == kept["labels"].tolist()
    assert (told["label_names"], told["exclusive"], told["coloured_by"]) == (
        ["Smiling", "Eyeglasses", "Male"],
        False,
        "Male",
    )


def test_a_position_on_a_dot_gives_its_own_code(asks, run_of) -> None:
    kept = run_of("vae").arrays("map")
    x, y = kept["points"][7].tolist()
    told = asks.get("/runs/the-vae/map/point.json", params={"x": x, "y": y}).json()
    assert told["nearest"] == 7
    assert np.allclose(numbers(told["code"]["numbers"]), kept["codes"][7], atol=1e-3)
    assert asks.get("/runs/the-vae/map/point.png", params={"x": x, "y": y}).status_code == 200


def test_a_position_of_the_principal_map_leads_back_to_the_code_above_it(asks, run_of) -> None:
    codes = run_of("vae").arrays("map")["codes"]
    points = np.array(asks.get("/runs/the-vae/map.json", params={"kind": "map-pca"}).json()["points"])
    components = principal_components(codes)
    x, y = points[3].tolist()
    told = asks.get("/runs/the-vae/map/point.json", params={"x": x, "y": y, "kind": "map-pca"}).json()
    found = numbers(told["code"]["numbers"])
    assert np.allclose(components.transform(found[None]), points[3], atol=1e-3)
    assert np.allclose(found, components.inverse_transform(points[3:4]), atol=1e-3)


def test_between_dots_near_ones_weigh_most() -> None:
    points = np.array([[0.0, 0], [1, 0], [50, 0], [51, 0], [52, 0]], np.float32)
    codes = np.array([[0.0, 0, 0], [1, 1, 1], [9, 9, 9], [9, 9, 9], [9, 9, 9]], np.float32)
    drawn = CodeMap("map", {"points": points, "codes": codes}, seed=0)
    middle, nearer = drawn.codes_at(np.array([[0.5, 0], [0.9, 0]])).numpy()
    assert middle[0] == pytest.approx(0.5, abs=0.02)
    assert nearer[0] == pytest.approx(1, abs=0.05)


def test_codes_of_two_dimensions_are_their_own_map() -> None:
    codes = np.zeros((5, 2), np.float32)
    drawn = CodeMap("map", {"points": codes, "codes": codes}, seed=0)
    assert drawn.codes_at(np.array([[0.25, -7.0]])).tolist() == [[0.25, -7.0]]
    assert drawn.positions(np.array([[1.0, 2.0]], np.float32)).tolist() == [[1.0, 2.0]]


def test_a_line_is_walked_from_end_to_end(asks, run_of, made) -> None:
    kept = run_of("vae").arrays("map")
    (x0, y0), (x1, y1) = kept["points"][[2, 5]].tolist()
    query = {"x": [x0, x1], "y": [y0, y1], "count": 6}
    codes = [numbers(one["numbers"]) for one in asks.get("/runs/the-vae/map/line.json", params=query).json()["codes"]]
    assert len(codes) == 6
    assert np.allclose(codes[0], kept["codes"][2], atol=1e-3)
    assert np.allclose(codes[-1], kept["codes"][5], atol=1e-3)
    assert made.pixels(asks.get("/runs/the-vae/map/line.png", params=query).content).shape == (8, 48, 3)


def test_a_dot_shows_its_test_picture(asks, run_of, made) -> None:
    store = open_store(Path(run_of("vae").read_facts()["data"]["path"]))
    row = store.rows("test")[4]
    assert np.array_equal(made.pixels(asks.get("/runs/the-vae/test-pictures/4.png").content), store.images[row])
    told = asks.get("/runs/the-vae/test-pictures/4.json").json()
    names = [name for name, on in zip(store.label_names, store.labels[row], strict=True) if on]
    assert told == {"index": 4, "real": True, "labels": names}
    assert asks.get("/runs/the-vae/test-pictures/20.png").status_code == 422
    assert asks.get("/runs/the-vae/test-pictures/-1.png").status_code == 422


def test_dots_are_of_the_images_that_the_map_names(make_run, client, made) -> None:
    run = make_run("vae")
    arrays, store = run.arrays("map"), open_store(Path(run.read_facts()["data"]["path"]))
    rows = store.rows("test")[::-1][: len(arrays["codes"])]
    run.write_picture("map", arrays | {"rows": rows}, b"")
    asks = client(run.path)
    assert np.array_equal(made.pixels(asks.get("/runs/first/test-pictures/4.png").content), store.images[rows[4]])
    names = [name for name, on in zip(store.label_names, store.labels[rows[4]], strict=True) if on]
    assert asks.get("/runs/first/test-pictures/4.json").json()["labels"] == names


def test_with_the_data_set_gone_a_dot_shows_what_its_code_gives(make_run, client) -> None:
    run = make_run("vae")
    shutil.rmtree(run.read_facts()["data"]["path"])
    asks = client(run.path)
    assert asks.get("/runs/first/test-pictures/4.json").json()["real"] is False
    assert asks.get("/runs/first/test-pictures/4.png").status_code == 200
    card = asks.get("/runs/first.json").json()
    assert (card["test_pictures"], card["has_data"]) == (20, False)
    assert asks.get("/runs/first/test-pictures/4/code.json").status_code == 200


@pytest.mark.parametrize("path", ["map.json", "map/point.png?x=0&y=0", "map/line.json?x=0&x=1&y=0&y=1"])
def test_where_no_map_was_drawn_a_sentence_says_so(path, run_of, client) -> None:
    ended = client(run_of("gan").path).get(f"/runs/the-gan/{path}")
    assert ended.status_code == 422
    assert "there is no map of this run at step 6: a map is drawn at the end of a training" in ended.json()["error"]


def test_the_map_belongs_to_the_newest_checkpoint(asks) -> None:
    ended = asks.get("/runs/the-vae/map.json", params={"step": 3})
    assert ended.status_code == 422
    assert "no map of this run at step 3" in ended.json()["error"]


def test_a_map_of_an_earlier_end_is_not_taken_for_one_of_a_training_that_goes_on(make_run, client) -> None:
    run = make_run("vae")
    asks = client(run.path)
    assert asks.get("/runs/first/map.json").status_code == 200
    run.write_facts({"state": "running"})
    assert asks.get("/runs/first/map.json").status_code == 422
    assert asks.get("/runs/first.json").json()["attributes"] == []
    run.write_facts({"state": "finished", "drawn": 3})  # as `report --step 3` draws it anew
    assert asks.get("/runs/first/map.json").status_code == 422
    assert asks.get("/runs/first/map.json", params={"step": 3}).status_code == 200
    run.write_facts({"drawn": 6})
    assert asks.get("/runs/first/map.json").status_code == 200
    (run.path / "pictures" / "map.npz").write_bytes(b"torn")
    assert "no map of this run" in asks.get("/runs/first/map.json").json()["error"]


@pytest.mark.parametrize("kind", ["map", "map-pca"])
def test_an_uploaded_picture_lies_on_the_map_where_its_code_belongs(kind, make_run, client, made) -> None:
    run = make_run("vae", store={"count": 200, "held_out": 60})
    clusters = np.repeat([[-20.0, 0], [20, 5], [0, 30]], 20, axis=0) + np.random.default_rng(0).normal(size=(60, 2))
    codes = np.concatenate([clusters, clusters[:, :1]], 1) / 10  # similar codes are near one another on the map
    arrays = run.arrays("map") | {"points": clusters.astype(np.float32), "codes": codes.astype(np.float32)}
    run.write_picture("map", arrays, b"")
    asks = client(run.path)
    points = np.array(asks.get("/runs/first/map.json", params={"kind": kind}).json()["points"])
    for cluster in range(3):
        numbers = codes[20 * cluster : 20 * cluster + 20].mean(0).tolist()
        query = {"kind": kind, "code": json.dumps({"numbers": numbers})}
        position = asks.get("/runs/first/map/position.json", params=query).json()
        distances = np.hypot(*(points - [position["x"], position["y"]]).T)
        assert position["nearest"] == distances.argmin()
        assert distances.argmin() // 20 == cluster
        assert distances.min() < 5
    code = asks.post("/runs/first/code.json", content=made.picture()).json()["code"]
    assert asks.get("/runs/first/map/position.json", params={"code": json.dumps(code)}).status_code == 200


@pytest.mark.parametrize("query", ["x=nan&y=0", "x=inf&y=0", "x=1e9&y=0", "x=a&y=0", "x=1"])
def test_a_position_off_every_map_is_refused(query, asks) -> None:
    assert asks.get(f"/runs/the-vae/map/point.json?{query}").status_code == 422
    assert asks.get(f"/runs/the-vae/map/line.json?{query}&x=1&y=1").status_code == 422


@pytest.fixture
def upload(run_of: Any, client: Any) -> Any:
    """upload(content, family): what the explorer answers to a picture."""

    def send(content: bytes, family: str = "vae") -> Any:
        return client(run_of(family).path).post(f"/runs/the-{family}/code.json", content=content)

    return send


def opened(address: str) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))) as image:
        return np.asarray(image)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_an_uploaded_picture_is_fitted_and_encoded(kind, upload, made) -> None:
    ended = upload(made.picture(40, 30, kind))
    assert ended.status_code == 200
    told = ended.json()
    assert set(told) == {"code", "method", "squared_error", "original", "reconstruction"}
    assert told["method"] == "encoder"
    original, rebuilt = opened(told["original"]), opened(told["reconstruction"])
    assert original.shape == rebuilt.shape == (8, 8, 3)
    assert np.abs(original.astype(int) - [0, 128, 128]).max() <= 4
    difference = (original.astype(float) - rebuilt) / 127.5
    assert told["squared_error"] == pytest.approx(np.square(difference).mean())


def test_an_upload_is_read_as_the_pictures_of_the_run_were(make_run, client) -> None:
    run = make_run("vae", name="black")
    facts = run.read_facts().get("data", {})
    run.write_facts({"data": {**facts, "card": {"background": "black", "scales": {"integer": [0, 200]}}}})
    page, exif = client(run.path), Image.Exif()
    lying = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    lying.paste((255, 255, 255, 255), (0, 0, 4, 4))
    exif[0x0112] = 6  # shown after a quarter turn clockwise: left becomes top
    deep = Image.fromarray(np.full((8, 8), 40, np.int32))
    for picture, form, wanted in ((lying, "PNG", {0: 255, 7: 0}), (deep, "TIFF", {0: 51, 7: 51})):
        file = io.BytesIO()
        picture.save(file, form, **({"exif": exif} if form == "PNG" else {}))
        original = opened(page.post("/runs/black/code.json", content=file.getvalue()).json()["original"])
        assert {row: int(original[row, 0, 0]) for row in wanted} == wanted


def test_the_code_that_is_told_draws_what_is_shown(run_of, client, made) -> None:
    import json

    asks = client(run_of("vae").path)
    told = asks.post("/runs/the-vae/code.json", content=made.picture()).json()
    shown = asks.get("/runs/the-vae/picture.png", params={"code": json.dumps(told["code"])})
    assert np.array_equal(made.pixels(shown.content), opened(told["reconstruction"]))


def test_a_model_without_an_encoder_searches_for_the_code(upload, made) -> None:
    told = upload(made.picture(), "gan").json()
    assert told["method"] == "search"
    assert opened(told["reconstruction"]).shape == (8, 8, 3)


def test_a_test_picture_is_read_like_an_upload(run_of, client, made) -> None:
    asks = client(run_of("vae").path)
    picture = asks.get("/runs/the-vae/test-pictures/3.png").content
    picked = asks.get("/runs/the-vae/test-pictures/3/code.json").json()
    assert picked == asks.post("/runs/the-vae/code.json", content=picture).json()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the picture is empty (0 bytes)"),
        (b"no picture", "the picture is not a picture in any known format"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "not a picture in any known format",
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture in any known format"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "the picture is "),
        (b"GIF89a" + b"\xff" * 30, "the picture is "),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(content, said, upload) -> None:
    ended = upload(content)
    assert ended.status_code == 422
    assert said in ended.json()["error"]
    assert "Traceback" not in ended.text


def test_a_picture_cut_short_is_refused(upload, made) -> None:
    ended = upload(made.picture(200, 200, "JPEG")[:500])
    assert ended.status_code == 422
    assert "damaged or cut short" in ended.json()["error"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(upload, made, monkeypatch) -> None:
    assert MOST_PIXELS == 40_000_000
    bomb = io.BytesIO()
    Image.new("1", (8000, 5001)).save(bomb, "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    ended = upload(bomb.getvalue())
    assert len(bomb.getvalue()) < 100_000
    assert ended.status_code == 422
    assert "has 8000x5001 pixels, more than the 40,000,000 that are allowed" in ended.json()["error"]
