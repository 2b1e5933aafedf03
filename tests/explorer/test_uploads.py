"""Codes of pictures that are picked or uploaded, whatever the upload is."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.explorer import uploads


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
def test_an_uploaded_picture_is_fitted_and_encoded(kind: str, upload: Any, made: Any) -> None:
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


def test_an_upload_is_read_as_the_pictures_of_the_run_were(make_run: Any, client: Any) -> None:
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


def test_the_code_that_is_told_draws_what_is_shown(run_of: Any, client: Any, made: Any) -> None:
    import json

    asks = client(run_of("vae").path)
    told = asks.post("/runs/the-vae/code.json", content=made.picture()).json()
    shown = asks.get("/runs/the-vae/picture.png", params={"code": json.dumps(told["code"])})
    assert np.array_equal(made.pixels(shown.content), opened(told["reconstruction"]))


def test_a_model_without_an_encoder_searches_for_the_code(upload: Any, made: Any) -> None:
    told = upload(made.picture(), "gan").json()
    assert told["method"] == "search"
    assert opened(told["reconstruction"]).shape == (8, 8, 3)


def test_a_test_picture_is_read_like_an_upload(run_of: Any, client: Any, made: Any) -> None:
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
def test_what_is_no_picture_is_refused_in_a_sentence(content: bytes, said: str, upload: Any) -> None:
    ended = upload(content)
    assert ended.status_code == 422
    assert said in ended.json()["error"]
    assert "Traceback" not in ended.text


def test_a_picture_cut_short_is_refused(upload: Any, made: Any) -> None:
    ended = upload(made.picture(200, 200, "JPEG")[:500])
    assert ended.status_code == 422
    assert "damaged or cut short" in ended.json()["error"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    upload: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uploads.MOST_PIXELS == 40_000_000
    bomb = io.BytesIO()
    Image.new("1", (8000, 5001)).save(bomb, "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    ended = upload(bomb.getvalue())
    assert len(bomb.getvalue()) < 100_000
    assert ended.status_code == 422
    assert "has 8000x5001 pixels, more than the 40,000,000 that are allowed" in ended.json()["error"]
