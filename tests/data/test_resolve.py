"""What `--data` takes, and what it answers to what it cannot take."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulacra.data import sources
from simulacra.data.resolve import kind_of, resolve
from simulacra.data.sources import Options
from simulacra.data.splits import hold_out
from simulacra.data.store import open_store
from simulacra.errors import DataError


def resolved(data: object, tmp_path: Path, **options):
    return resolve(str(data), Options(**{"size": (8, 8), **options}), cache=tmp_path / "cache")


def idx_files(root: Path) -> Path:
    root.mkdir()
    for part, count in (("train", 4), ("t10k", 2)):
        images = struct.pack(">IIII", 2051, count, 8, 8) + bytes(range(count * 64))
        (root / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        labels = struct.pack(">II", 2049, count) + bytes(range(count))
        (root / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return root


def test_a_folder_is_packed_once_and_found_again(folder, tmp_path: Path) -> None:
    root = folder(3)
    first, again = resolved(root, tmp_path), resolved(root, tmp_path)
    assert first.fresh
    assert first.message.startswith("packed 3 colour images")
    assert not again.fresh
    assert again.message.startswith("already packed")
    assert again.store.path == first.store.path


def test_a_changed_folder_or_option_is_packed_anew(folder, tmp_path: Path, noise) -> None:
    root = folder(3)
    before = resolved(root, tmp_path).store
    assert resolved(root, tmp_path, channels=1).fresh
    noise(50).save(root / "new.png")
    assert len(resolved(root, tmp_path).store.images) == 4
    assert len(before.images) == 3


def test_a_changed_table_is_packed_anew(folder, tmp_path: Path) -> None:
    root, table = folder(2), tmp_path / "t.csv"
    for value in ("1", "-1"):
        table.write_text(f"file,Smile\n000.png,{value}\n001.png,1\n")
        assert resolved(root, tmp_path, labels=table).store.labels[0, 0] == int(value == "1")


def test_every_kind_of_source_is_told_by_what_lies_there(folder, tmp_path: Path) -> None:
    assert kind_of(folder(1)) == "folder"
    assert kind_of(idx_files(tmp_path / "mnist")) == "idx"
    assert kind_of(folder(["img_align_celeba/000001.jpg"], "faces")) == "celeba"
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8), np.uint8))
    assert kind_of(tmp_path / "x.npy") == "arrays"


def test_sources_are_packed_in_the_size_and_channels_of_the_recipe(tmp_path: Path) -> None:
    store = resolved(idx_files(tmp_path / "mnist"), tmp_path, size=(6, 4), channels=3).store
    assert store.shape == (4, 6, 3)


def test_avatars_are_made_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulacra.data.sources.avatars.COUNT", 3)
    assert len(resolved("avatars", tmp_path).store.images) == 3


def test_fashion_mnist_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = idx_files(tmp_path / "fashion")
    monkeypatch.setattr(sources, "FASHION_FOLDERS", ())
    monkeypatch.setenv(sources.FASHION_VARIABLE, str(root))
    assert len(resolved("fashion-mnist", tmp_path).store.images) == 6


def test_absent_fashion_mnist_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sources.FASHION_VARIABLE, raising=False)
    monkeypatch.setattr(sources, "FASHION_FOLDERS", (str(tmp_path / "none"),))
    with pytest.raises(DataError, match=r"apt-get install dataset-fashion-mnist.*four \.gz files"):
        resolved("fashion-mnist", tmp_path)


def test_a_packed_store_is_used_as_it_is(packed, tmp_path: Path) -> None:
    store = packed("avatars", None, count=3).store
    found = resolved(store.path, tmp_path, channels=3)
    assert found.store.path == store.path
    assert found.message.startswith("using 3 colour images")
    assert resolve(str(store.path)).store.fingerprint == store.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (16, 16)}, "has images of 8x8 where 16x16 is wanted"),
        ({"channels": 1}, "has 3 channels where 1"),
        ({"crop": "none"}, "--crop has no effect"),
        ({"labels": Path("t.csv")}, "--labels has no effect"),
        ({"classes": "none"}, "--classes has no effect"),
    ],
)
def test_a_packed_store_is_not_taken_for_what_it_is_not(packed, tmp_path: Path, options, message: str) -> None:
    store = packed("avatars", None, count=3).store
    with pytest.raises(DataError, match=message):
        resolved(store.path, tmp_path, **options)


def test_a_misspelt_name_and_an_absent_path_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean avatars"):
        resolved("avatar", tmp_path)
    with pytest.raises(DataError, match="nowhere does not exist"):
        resolved(tmp_path / "nowhere", tmp_path)


def test_a_file_that_is_no_data_set_is_told(tmp_path: Path) -> None:
    (tmp_path / "thesis.pdf").touch()
    with pytest.raises(DataError, match="is no data set"):
        resolved(tmp_path / "thesis.pdf", tmp_path)


def test_a_run_is_no_data(tmp_path: Path, folder) -> None:
    run = folder(["pictures/fixed-00000001.png"], "run")
    (run / "recipe.toml").touch()
    (run / "run.json").write_text('{"data": {"path": "stores/faces"}}')
    with pytest.raises(DataError, match=r"run is a run, not data \(its data: stores/faces\)"):
        resolved(run, tmp_path)


def test_an_empty_path_is_not_the_folder_one_stands_in(tmp_path: Path, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder(2))
    with pytest.raises(DataError, match="the data's path is empty"):
        resolved("", tmp_path)


def test_the_home_of_an_unknown_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="~nobody2/x starts at the home of a user who is not known"):
        resolved("~nobody2/x", tmp_path)


def test_a_symlink_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match="does not exist"):
        resolved(tmp_path / "loop", tmp_path)


def test_the_cache_is_the_users_cache_folder_unless_given(folder, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    store = resolve(str(folder(2)), Options(size=(8, 8))).store
    assert store.path.is_relative_to(tmp_path / "xdg" / "simulacra")


@pytest.mark.parametrize("known", ["avatars", "fashion-mnist"])
def test_a_folder_that_bears_a_known_name_is_never_passed_over(known: str, folder, tmp_path, monkeypatch) -> None:
    folder(4, known)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"{known} is a known data set, and also a folder here; write ./{known}"):
        resolved(known, tmp_path)
    assert len(resolved(f"./{known}", tmp_path).store.images) == 4
    assert len(resolved(known, tmp_path, source="folder").store.images) == 4


def test_a_known_data_set_beside_a_folder_of_its_name_is_had_by_its_source(folder, tmp_path, monkeypatch) -> None:
    folder(4, "avatars")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("simulacra.data.sources.avatars.COUNT", 3)
    packed = resolved("avatars", tmp_path, source="avatars")
    assert len(packed.store.images) == 3
    assert "the folder avatars here has the name of a known data set and was not read" in packed.notes


def test_celebas_pictures_are_taken_for_a_folder_where_that_is_asked_for(folder, tmp_path: Path) -> None:
    root = folder(["img_align_celeba/000001.jpg", "img_align_celeba/000002.jpg"], "faces")
    assert resolved(root, tmp_path).store.card["title"] == "CelebA"
    assert resolved(root, tmp_path, source="folder").store.card["title"] == "faces"


@pytest.mark.parametrize(
    ("place", "names", "kind"),
    [
        ("flowers", "{:06}.jpg", "folder"),
        ("flowers", "rose{}.jpg", "folder"),
        (".", "{:06}.jpg", "celeba"),
        (".", "{:06}.png", "celeba"),
        (".", "rose{}.jpg", "folder"),
        ("img_align_celeba", "{:06}.jpg", "celeba"),
        ("img_align_celeba_png", "{:06}.png", "celeba"),
    ],
)
def test_celebas_tables_count_for_celebas_pictures_alone(folder, place: str, names: str, kind: str) -> None:
    root = folder([f"{place}/{names.format(at)}" for at in range(1, 6)])
    rows = "".join(f"{at:06}.jpg 1 -1\n" for at in range(1, 6))
    (root / "list_attr_celeba.txt").write_text(f"5\nSmiling Male\n{rows}")
    assert kind_of(root / place) == kind


def test_train_and_pack_take_the_options_of_picture_files(folder, tmp_path: Path, simulacra) -> None:
    root = folder(2)
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(root / "clear.png")
    store = resolved(root, tmp_path, background="black", max_pixels=100, values="0..10").store
    assert store.images[store.names.index("clear.png")].max() == 0
    with pytest.raises(DataError, match="so --max-pixels has no effect"):
        resolve(str(store.path), Options(max_pixels=100))
    for words in (("pack", "folder", root), ("train", "demo-vae", "--data", root)):
        ended = simulacra(*words, "--background", "nothing", "--out", tmp_path / "x")
        assert ended.code == 2
        assert "background 'nothing' is no colour; write white, black, or #RRGGBB" in ended.err


def test_a_label_that_a_table_lacks_is_told_by_the_table_and_before_packing(folder, tmp_path: Path) -> None:
    root, table = folder(20), tmp_path / "faces.csv"
    table.write_text("file,Male\n" + "".join(f"{row:03}.png,{row % 2}\n" for row in range(20)))
    message = r"faces\.csv has no label 'Smiling' \(it has: Male\); choose among these with data\.labels"
    with pytest.raises(DataError, match=message):
        resolve(str(root), Options(size=(8, 8), labels=table), labels=["Smiling"], cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    store = resolved(root, tmp_path, labels=table).store
    with pytest.raises(DataError, match=message):
        store.columns(("Smiling",))
    with pytest.raises(DataError, match=message):
        hold_out(store, 1, 0).columns(("Smiling",))


def test_pictures_without_labels_ask_for_a_table(folder, tmp_path: Path) -> None:
    root = folder(2)
    store = resolved(root, tmp_path).store
    with pytest.raises(
        DataError, match=r"photos has no label 'Male' \(it has: none\); give a table of labels: --labels "
    ):
        store.columns(("Male",))
    with pytest.raises(DataError, match="pack its pictures again with a table of labels: --labels TABLE"):
        open_store(store.path).columns(("Male",))


@pytest.mark.parametrize(("count", "warned"), [(60, True), (199, True), (230, False), (300, False)])
def test_hardly_any_training_images_are_warned_of(count: int, warned: bool, tmp_path: Path) -> None:
    packed = resolved("avatars", tmp_path, count=count)
    train = len(packed.store.rows("train"))
    lines = [note for note in packed.notes if note.startswith(f"only {train} training images: a model learns so few")]
    assert bool(lines) == warned
    assert [note for note in resolve(str(packed.store.path)).notes if note.startswith("only ")] == lines


@pytest.mark.parametrize("beside", ["faces/", "faces.npz"])
def test_a_misspelt_path_is_told_with_the_one_beside_it(beside: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / beside).mkdir() if beside.endswith("/") else (tmp_path / beside).touch()
    (tmp_path / "fazes.txt").touch()
    monkeypatch.chdir(tmp_path)
    for word in ("facs", tmp_path / "facs"):
        near = Path(word).with_name(beside.rstrip("/"))
        with pytest.raises(DataError, match=rf"facs does not exist; .*; did you mean {near}\?"):
            resolved(word, tmp_path)
    with pytest.raises(DataError, match=r"did you mean avatars\?"):
        resolved("avatar", tmp_path)


def test_what_is_left_out_is_said_once_with_the_first_of_it(folder, tmp_path: Path) -> None:
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(9)]
    packed = resolved(folder([*names, "a.png", "b.png"]), tmp_path)
    (line,) = [note for note in packed.notes if "outside classes" in note]
    assert "; 2 pictures outside classes left out (the first: a.png); the split is drawn" in line
