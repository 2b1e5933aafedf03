"""The Python API: what it gives, in which form, and what it refuses."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

import simulacra as sm
from simulacra.api.models import as_images, show
from simulacra.data.colours import Range


@pytest.fixture
def run(trained_once: Any) -> Callable[..., sm.Run]:
    """run(family, **changes): a run of two updates."""

    def make(family: str, exclusive: bool = False, **changes: Any) -> sm.Run:
        changes = {"steps": 2, "every.log": 1, "every.checkpoint": 1, "every.evaluate": []} | changes
        store = {"count": 60, "exclusive": exclusive, "held_out": 10, "name": f"data-{family}"}
        return sm.Run(trained_once(family, store, family, **changes))

    return make


def test_importing_simulacra_loads_nothing_heavy_and_names_are_there() -> None:
    code = (
        "import sys, simulacra as sm; assert {'train', 'load'} <= set(dir(sm)); "
        "print(*[m for m in ('torch', 'numpy', 'PIL', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
    assert all(getattr(sm, name) is not None for name in sm.__all__)
    with pytest.raises(AttributeError, match="module 'simulacra' has no attribute 'fly'"):
        sm.fly  # noqa: B018


def test_samples_are_those_of_the_command_line(run: Any, simulacra: Any, tmp_path: Path) -> None:
    acgan = run("acgan")
    out = tmp_path / "samples.npy"
    simulacra("sample", acgan.folder, "-n", 3, "--seed", 4, "--label", "Male=1", "--out", out)
    found = acgan.sample(3, labels={"Male": 1}, seed=4)
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.load(out))
    with pytest.raises(sm.RunError, match="did you mean Male"):
        acgan.sample(1, labels={"Mal": 1})


def test_codes_go_in_and_out(run: Any) -> None:
    vae = run("vae")
    images = vae.sample(2)
    codes = vae.encode(images)
    assert (codes.shape, codes.dtype) == ((2, 3), np.float32)
    assert vae.decode(codes).shape == (2, 8, 8, 3)
    assert vae.encode(images[0]) == pytest.approx(codes[:1], abs=1e-5)
    with pytest.raises(sm.RunError, match=r"codes of shape \(2, 4\) cannot be decoded; this model takes \(n, 3\)"):
        vae.decode(np.zeros((2, 4)))
    with pytest.raises(sm.RunError, match="family vae does not classify"):
        vae.classify(images)


@pytest.mark.parametrize("exclusive", [False, True])
def test_shares_of_labels_are_told(run: Any, exclusive: bool) -> None:
    changes = {"data.labels": "all"} if exclusive else {}
    shares = run("classifier", exclusive, **changes).classify(np.zeros((2, 8, 8, 3), np.uint8))
    assert shares.min() >= 0
    assert shares.shape == (2, 3 if exclusive else 2)
    assert (shares.sum(1) == pytest.approx(1)) == exclusive


def test_an_edit_has_the_shape_of_what_was_given(run: Any) -> None:
    vae = run("vae")
    images = np.array(vae.sample(2))
    one = vae.edit(images[0], Smiling=1)
    assert one.shape == (8, 8, 3)
    assert vae.edit(images, {"Smiling": 1}).shape == (2, 8, 8, 3)
    row = vae.edit(images[0], Smiling=1, strength=(0, 1), keep=["Male"], method="normal")
    assert row.shape == (2, 8, 8, 3)
    assert np.array_equal(vae.edit(images[0], Smiling=1, strength=(0, 1))[1], one)
    with pytest.raises(sm.RunError, match="no label was given"):
        vae.edit(images)


def test_a_run_is_measured_and_exported(run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    gan = run("gan")
    found = gan.evaluate(count=20, features="random-vgg", only=["quality"])
    assert found.rows == [row for row in gan.evaluations if row["metric"] in {r["metric"] for r in found.rows}]
    assert [row["step"] for row in gan.metrics] == [1, 2]
    model = sm.load(gan.export(tmp_path / "exported"))
    assert np.array_equal(model.sample(3), gan.sample(3))
    assert repr(model) == f"<Model {tmp_path / 'exported'}: GAN of noise, 8×8 colour, update 2>"


def test_a_run_is_measured_at_the_step_and_with_the_data_that_it_was_opened_with(
    run: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = (tmp_path / "moved", run("gan").folder)
    (tmp_path / "data-gan").rename(store[0])
    gan = sm.open_run(store[1], step=1, data=store[0])
    how = {"count": 20, "features": "random-vgg", "only": ["quality"]}
    assert {row["step"] for row in sm.evaluate(gan, **how).rows} == {1}
    assert {row["step"] for row in sm.evaluate(gan, step=2, **how).rows} == {2}
    against = sm.evaluate(gan, against=store[0], **how)
    assert not any("against" in row for row in against.rows), "it was trained on these images"


def test_runs_are_compared_by_what_was_measured(run: Any) -> None:
    runs = [run("gan"), run("wgan")]
    fixed = {"metric": "frechet_distance", "split": "test", "n": 20, "extractor": "x", "step": 2}
    for place, one in enumerate(runs):
        one.files.append("evaluations", fixed | {"value": 9.0 + place, "low": 8.9 + place, "high": 9.1 + place})
    found = sm.compare(runs[0], runs[1].folder, metrics=["frechet_distance"])
    assert [verdict.metric for verdict in found.metrics] == ["frechet_distance"]
    assert len(found.columns) == 2
    with pytest.raises(sm.RunError):
        sm.compare(runs[0])


def test_places_and_single_names_are_text(run: Any, tmp_path: Path) -> None:
    gan, wgan = run("gan"), run("wgan")
    words: dict[str, Any] = {"count": 20, "features": "random-vgg", "only": "quality", "cache": str(tmp_path / "cache")}
    store = str(tmp_path / "data-gan")
    for told in (gan.evaluate(data=store, **words), sm.evaluate(str(wgan.folder), against=store, **words)):
        assert {row["metric"] for row in told.rows} >= {"frechet_distance", "recall"}
    assert sm.evaluate(gan, **words | {"only": ["quality"]}).measured
    found = sm.compare(gan, gan.export(tmp_path / "copy", "folder"), metrics="recall")
    assert {one.metric for one in found.metrics} == {"recall"}
    with pytest.raises(sm.RunError, match=r"--only qualitty: .*did you mean quality"):
        gan.evaluate(only="qualitty")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"crop": (0, 0, 3, 3)}, r"crop = \(0, 0, 3, 3\): expected words as on the command line"),
        ({"count": "3"}, "count = '3': expected a whole number"),
        ({"count": True}, "count = True: expected a whole number"),
        ({"cuont": 3}, "cuont is not an option of a source; did you mean count"),
    ],
)
def test_options_of_a_source_that_cannot_be_are_told(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(sm.DataError, match=said):
        sm.pack("avatars", out=tmp_path / "store", **options)
    if "crop" in options:
        with pytest.raises(sm.DataError, match=said):
            sm.train("demo-vae", out=tmp_path / "run", **options)
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_pictures(run: Any, tmp_path: Path) -> None:
    gan = run("gan", title="a <b> title")
    with Image.open(BytesIO(gan.sample(4)._repr_png_())) as sheet:
        assert sheet.size == ((2 * 10 + 2) * 8, (2 * 10 + 2) * 8)
    html = gan._repr_html_()
    assert "a &lt;b&gt; title" in html
    assert 'src="data:image/png;base64,' in html
    images = gan.sample(4)
    assert images[0]._repr_png_() is not None
    assert images.astype(float)._repr_png_() is None
    assert images[:, 0, 0, 0]._repr_png_() is None
    images.save(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
    for name, form in (("sheet.jpg", "JPEG"), ("sheet.WEBP", "WEBP"), ("sheet.tiff", "TIFF"), ("sheet.bmp", "BMP")):
        images.save(tmp_path / name)
        with Image.open(tmp_path / name) as sheet:
            assert sheet.format == form
    images.save(tmp_path / "sheet.npy")
    assert np.array_equal(np.load(tmp_path / "sheet.npy"), images)
    for name in ("sheet.gif", "sheet"):
        with pytest.raises(sm.DataError, match=rf"{name} was not written; give a name that ends in \.png, .* or \.npy"):
            images.save(tmp_path / name)
    with pytest.raises(sm.DataError, match="is not a sheet of images"):
        images[:, 0, 0, 0].save(tmp_path / "no.png")


def test_images_of_many_kinds_become_arrays(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10), "red")
    picture.save(tmp_path / "red.png")
    for given in (picture, tmp_path / "red.png", str(tmp_path / "red.png")):
        images, single = as_images(given, (4, 4, 3))
        assert images.shape == (1, 4, 4, 3)
        assert single
        assert (images == [255, 0, 0]).all()
    images, single = as_images([picture, images[0]], (4, 4, 3))
    assert (images.shape, single) == ((2, 4, 4, 3), False)
    grey = np.zeros((5, 4, 4), np.uint8)
    assert as_images(grey, (4, 4, 1))[0].shape == (5, 4, 4, 1)
    assert as_images(grey[0], (4, 4, 1))[1]
    assert isinstance(show(images), sm.Pictures)


def test_a_picture_of_pillow_is_read_like_its_file(tmp_path: Path) -> None:
    picture, exif = Image.new("RGBA", (8, 4), (255, 255, 255, 0)), Image.Exif()
    picture.paste((255, 0, 0, 255), (0, 0, 4, 4))
    exif[0x0112] = 6  # shown after a quarter turn clockwise: left becomes top
    picture.save(tmp_path / "lying.png", exif=exif)
    for given in (tmp_path / "lying.png", Image.open(tmp_path / "lying.png")):
        image = as_images(given, (8, 4, 3), {"background": "black"})[0][0]
        assert (image[:4] == [255, 0, 0]).all()
        assert (image[4:] == 0).all()
    deep = Image.fromarray(np.full((4, 4), 40, np.int32))
    assert (as_images(deep, (4, 4, 1), {"scales": {"integer": Range(0, 200)}})[0] == 51).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((4, 4, 3)), "type float64 is not an image of this model; expected uint8 of shape"),
        (np.zeros((5, 4, 3), np.uint8), r"an array of shape \(5, 4, 3\)"),
        ([], "no image was given"),
        ("none.png", "none.png .*; give another picture"),
    ],
)
def test_what_is_no_image_is_told(given: Any, said: str) -> None:
    with pytest.raises(sm.DataError, match=said):
        as_images(given, (4, 4, 3))


def test_pack_and_train_by_name(tmp_path: Path) -> None:
    store = sm.pack("avatars", out=tmp_path / "store", count=12, size=32)
    assert store.images.shape == (12, 32, 32, 3)
    changes = {"every.log": 1, "every.checkpoint": 1, "data.batch": 4, "every.evaluate": []}
    run = sm.train("demo-vae", tmp_path / "store", tmp_path / "run", steps=1, changes=changes, say=lambda _: None)
    assert run.step == 1
    with pytest.raises(sm.RunError, match="holds no run"):
        sm.open_run(tmp_path)
    with pytest.raises(sm.RecipeError, match="did you mean demo-vae"):
        sm.train("demo-vea")


def test_pack_takes_the_number_of_processes_and_train_the_path_of_a_recipe(run: Any, tmp_path: Path) -> None:
    trained = run("vae")
    store = sm.pack("avatars", out=tmp_path / "store", count=3, size=8, workers=1)
    assert len(store.images) == 3
    for workers in (0, "2"):
        with pytest.raises(sm.DataError, match=r"workers is .*, expected a whole number of at least 1"):
            sm.pack("avatars", out=tmp_path / "other", count=3, workers=workers)
    again = sm.train(trained.folder / "recipe.toml", out=tmp_path / "again", say=lambda _: None)
    assert again.folder == tmp_path / "again"


@pytest.fixture
def measured(run: Any) -> list[sm.Run]:
    """Two measured runs."""
    runs = [run("vae"), run("gan")]
    for one in runs:
        one.evaluate(count=20, features="random-vgg", only="quality")
    return runs


def test_results_are_tables_in_a_notebook_and_rows_in_a_script(measured: Any) -> None:
    evaluated = measured[0].evaluate(count=20, features="random-vgg", only="quality")
    comparison = sm.compare(*measured)
    for result in (evaluated, comparison):
        assert result._repr_html_().startswith("<table>")
        assert len(repr(result)) < 200
        assert all(isinstance(row["value"], float | None) for row in result.rows)
    assert {row["column"] for row in comparison.rows} == {"vae", "gan"}


def test_a_script_can_do_what_the_command_line_does(measured: Any, tmp_path: Path) -> None:
    assert "demo-vae" in {row["name"] for row in sm.recipes()}
    assert all(row["finding"] for row in sm.audit(measured[0].files.read_facts()["data"]["path"]))
    for row in sm.diagnose(measured[1]):
        assert row["issue"]
        assert row["try"]
    best = sm.best(measured[0])
    assert best.best.step in {row["step"] for row in best.rows}
    page = sm.write_report(*measured, out=tmp_path / "both.html")
    assert page == tmp_path / "both.html"
    assert page.stat().st_size > 10_000


def test_the_explorer_runs_beside_a_notebook_and_ends(run: Any) -> None:
    trained = run("vae")
    with pytest.raises(sm.RunError, match="port -1: expected 0 to 65535"):
        sm.explore(trained, port=-1)
    exploring = sm.explore(trained, port=0)
    with urlopen(exploring.address) as answer:
        assert answer.status == 200
    assert exploring.address in exploring._repr_html_()
    exploring.stop()
    with pytest.raises(OSError, match="refused"):
        urlopen(exploring.address)
