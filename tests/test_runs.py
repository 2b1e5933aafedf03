"""RunFolder: one experiment on disk."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from simulacra.errors import RecipeError, RunError
from simulacra.files import to_npy, write_aside
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder


@pytest.fixture
def run(tmp_path: Path, tiny: Callable[..., Recipe]) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.write_recipe(tiny("vae"))
    folder.write_facts({"state": "running"})
    return folder


def test_a_run_has_a_recipe_and_facts(run: RunFolder, tiny: Callable[..., Recipe]) -> None:
    assert run.exists()
    assert run.read_recipe() == tiny("vae")
    assert run.read_facts() == {"state": "running"}


def test_facts_are_merged(run: RunFolder) -> None:
    run.write_facts({"step": 3})
    assert run.read_facts() == {"state": "running", "step": 3}


def test_measurements_are_the_rows_of_evaluations_under_their_names_of_today(run: RunFolder) -> None:
    assert run.measurements() == []
    run.append("evaluations", {"metric": "importance_bound", "value": 2.0, "floor": 1.0, "step": 3})
    (measurement,) = run.measurements()
    assert (measurement.metric, measurement.baseline, measurement.step) == ("iwae_bound", 1.0, 3)


@pytest.mark.parametrize("missing", ["recipe.toml", "run.json"])
def test_a_folder_without_recipe_or_facts_is_no_run(missing: str, run: RunFolder) -> None:
    (run.path / missing).unlink()
    assert not run.exists()
    with pytest.raises(RunError, match=r"holds no run.*like runs/NAME"):
        run.require()


def test_a_recipe_changed_by_hand_is_checked_again(run: RunFolder) -> None:
    path = run.path / "recipe.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("latent = 3", "latent = -3"), "utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.toml: objective\.latent = -3"):
        _ = run.read_recipe()
    for content in (b"latent = = 3", b'title = "\xff"'):
        path.write_bytes(content)
        with pytest.raises(RunError, match="is not TOML"):
            _ = run.read_recipe()


def test_a_recipe_that_an_editor_gave_a_byte_order_mark_is_read(run: RunFolder, tiny: Callable[..., Recipe]) -> None:
    path = run.path / "recipe.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run.read_recipe() == tiny("vae")


def test_a_recipe_of_an_earlier_version_is_read_by_its_new_names(run: RunFolder, tiny: Callable[..., Recipe]) -> None:
    path = run.path / "recipe.toml"
    path.write_text(path.read_text("utf-8").replace("ema = 0.0", "average = 0.9"), "utf-8")
    assert run.read_recipe() == tiny("vae", ema=0.9)


def test_rows_of_an_earlier_version_are_read_by_their_new_words(run: RunFolder) -> None:
    for weights in ("averaged", "raw"):
        run.append("evaluations", {"step": 1, "weights": weights})
    assert [row.weights for row in run.measurements()] == ["ema", "raw"]


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"state": "run', "nonsense", "[]", '{"data": 3}', '{"step": "x"}', '{"best": 3}', '{"seconds": null}'],
)
def test_damaged_facts_are_said_to_be(content: str, run: RunFolder) -> None:
    (run.path / "run.json").write_text(content, "utf-8")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        _ = run.read_facts()


def test_rows_come_back_as_they_were(run: RunFolder) -> None:
    rows = [{"step": step, "loss/total": 0.1 * step, "name": "ü"} for step in (1, 2)]
    for row in rows:
        run.append("metrics", row)
    assert run.rows("metrics") == rows
    assert run.rows("timing") == []


@pytest.mark.parametrize("torn", ['{"step": 3, "lo', '{"step": 3}', "{"])
def test_a_torn_last_line_is_forgiven(torn: str, run: RunFolder) -> None:
    run.append("metrics", {"step": 1})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(torn)
    assert run.rows("metrics") == [{"step": 1}]


def test_a_torn_letter_is_forgiven(run: RunFolder) -> None:
    run.append("metrics", {"step": 1})
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write('{"step": 2, "name": "ü'.encode()[:-1])
    assert run.rows("metrics") == [{"step": 1}]


@pytest.mark.parametrize("bad", [b'{"step": 2, "lo', b"3", b'{"loss": 1}', b'{"step": "2"}', b"\xff"])
def test_a_bad_line_that_is_not_the_last_is_named(bad: bytes, run: RunFolder) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"step": 1}\n' + bad + b'\n{"step": 3}\n')
    with pytest.raises(RunError, match=r"metrics\.jsonl is damaged at line 2 .*; remove that line"):
        run.rewind(3)


def test_to_rewind_drops_what_came_after_and_mends_a_torn_line(run: RunFolder) -> None:
    for step in (1, 2, 3):
        for stream in ("metrics", "timing", "evaluations"):
            run.append(stream, {"step": step, "value": 0.1 + 0.2})  # type: ignore[arg-type]
    before = (run.path / "metrics.jsonl").read_bytes()
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4')
    run.rewind(2)
    assert [row["step"] for row in run.rows("metrics")] == [1, 2]
    assert [row["step"] for row in run.rows("timing")] == [1, 2]
    assert [row["step"] for row in run.rows("evaluations")] == [1], "what is measured at the step is measured again"
    assert before.startswith((run.path / "metrics.jsonl").read_bytes())


def test_to_rewind_keeps_what_evaluate_measured_at_the_very_step(run: RunFolder) -> None:
    for step in (2, 3):
        run.append("evaluations", {"step": step, "metric": "mse"})
        run.append("evaluations", {"step": step, "metric": "recall", "seed": 0})
    run.rewind(2)
    assert run.rows("evaluations") == [{"step": 2, "metric": "recall", "seed": 0}]


def test_a_folder_is_free_again_once_its_lock_has_ended(run: RunFolder) -> None:
    with run.lock(), pytest.raises(RunError, match="another process is training in"), RunFolder(run.path).lock():
        pass
    with RunFolder(run.path).lock():
        pass


def test_to_rewind_to_the_start_leaves_no_row(run: RunFolder) -> None:
    run.append("metrics", {"step": 1})
    run.rewind(0)
    assert (run.path / "metrics.jsonl").read_bytes() == b""


def test_pictures_after_the_step_go_with_the_rows(run: RunFolder) -> None:
    for step in (2, 4):
        run.write_picture(f"fixed-{step:08d}", {"images": np.zeros((1, 2, 2, 3), np.uint8)}, b"png")
    run.write_picture("fixed-00000004 (copy)", {"images": np.zeros((1, 2, 2, 3), np.uint8)}, b"png")
    run.rewind(2)
    assert list(run.pictures()) == ["fixed-00000002", "fixed-00000004 (copy)"], "update 4 was not made yet"


def test_checkpoints_are_listed_by_step(run: RunFolder) -> None:
    for step in (10, 9, 100_000_000):
        run.write_checkpoint(step, b"state", keep=0)
    assert list(run.checkpoints()) == [9, 10, 100_000_000]
    assert run.checkpoints()[9].read_bytes() == b"state"


def test_the_newest_checkpoints_are_kept(run: RunFolder) -> None:
    for step in (9, 10, 100_000_000):
        run.write_checkpoint(step, b"state", keep=2)
    assert list(run.checkpoints()) == [10, 100_000_000]


def test_half_a_checkpoint_is_never_taken_for_one(run: RunFolder) -> None:
    run.write_checkpoint(3, b"whole", keep=2)
    (run.path / "checkpoints" / ".step-00000006.pt.aside").write_bytes(b"ha")
    (run.path / "checkpoints" / "step-00000006.pt.aside").write_bytes(b"ha")
    assert list(run.checkpoints()) == [3]
    run.write_checkpoint(6, b"whole", keep=2)
    assert {step: path.read_bytes() for step, path in run.checkpoints().items()} == {3: b"whole", 6: b"whole"}
    with run.lock():
        pass
    assert not (run.path / "checkpoints" / ".step-00000006.pt.aside").exists()


def test_a_file_beside_the_checkpoints_is_none_of_them(run: RunFolder) -> None:
    run.write_checkpoint(3, b"whole", keep=2)
    for name in ("step-best.pt", "step-00000003 (1).pt", "step-00000004.old.pt"):
        (run.path / "checkpoints" / name).write_bytes(b"mine")
    assert list(run.checkpoints()) == [3]


def test_a_file_is_whole_or_as_it_was(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    run.write("note.txt", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"note\.txt cannot be written \(No space left on device\); free space or"):
        run.write("note.txt", b"new")
    assert (run.path / "note.txt").read_bytes() == b"old"
    assert not list(run.path.glob(".*aside"))


def test_two_that_write_the_same_file_at_once_both_succeed(tmp_path: Path) -> None:
    def write(content: bytes) -> set[bytes]:
        return {write_aside(tmp_path / "one.npy", content).read_bytes() for _ in range(40)}

    contents = [bytes([number]) * 50_000 for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for read in pool.map(write, contents):
            assert read <= set(contents)
    assert [path.name for path in tmp_path.iterdir()] == ["one.npy"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write_aside(tmp_path / "file" / "note.txt", b"")


def test_a_folder_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "device")
    for name in ("folder", "device"):
        with pytest.raises(RunError, match="is a folder or a device, which no file may replace"):
            write_aside(tmp_path / name, b"")
    assert not (tmp_path / "device").is_file()
    assert len(list(tmp_path.iterdir())) == 2, "nothing is left behind"


def test_a_full_disk_is_told_in_a_sentence_when_a_row_is_added(run: RunFolder) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (run.path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot be written"):
        run.append("metrics", {"step": 1})


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    first, second = (RunFolder(tmp_path / "run") for _ in range(2))
    with first.lock(), pytest.raises(RunError, match="another process is training in"), second.lock():
        pass
    with second.lock():
        pass


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_run_folder_that_cannot_be_made_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be"), RunFolder(tmp_path / place).lock():
        pass


def test_arrays_behind_pictures_come_back(run: RunFolder) -> None:
    images = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    run.write_picture("samples", {"images": images, "label_names": np.array(["a", "b"])}, b"png")
    found = run.arrays("samples")
    assert found is not None
    assert np.array_equal(found["images"], images)
    assert found["label_names"].tolist() == ["a", "b"]
    assert (run.path / "pictures" / "samples.png").read_bytes() == b"png"
    assert list(run.pictures()) == ["samples"]
    assert run.arrays("pairs") is None


def test_equal_arrays_give_equal_files(run: RunFolder) -> None:
    images = np.zeros((1, 2, 2, 3), np.uint8)
    run.write_picture("one", {"images": images}, b"")
    run.write_picture("two", {"images": images}, b"")
    assert (run.path / "pictures/one.npz").read_bytes() == (run.path / "pictures/two.npz").read_bytes()


def test_conditions_come_back(run: RunFolder, tiny: Callable[..., Recipe]) -> None:
    assert run.read_conditions(run.read_recipe()) is None, "no label conditions this model"
    run.write_recipe(tiny("acgan"))
    rows = np.array([[0, 1], [1, 0]], np.uint8)
    run.write("conditions.npy", to_npy(rows))
    found = run.read_conditions(run.read_recipe())
    assert found is not None
    assert np.array_equal(found, rows)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x93NUMPY",
        b"nonsense",
        to_npy(np.zeros((0, 2), np.uint8)),
        to_npy(np.zeros((2, 3), np.uint8)),
        to_npy(np.zeros((2, 2))),
        to_npy(np.zeros(2, np.uint8)),
    ],
)
def test_conditions_that_are_missing_or_damaged_are_said_to_be(
    content: bytes | None, run: RunFolder, tiny: Callable[..., Recipe]
) -> None:
    run.write_recipe(tiny("acgan"))
    if content is not None:
        run.write("conditions.npy", content)
    with pytest.raises(RunError, match=r"conditions\.npy is missing or damaged; copy it from the original run, or"):
        run.read_conditions(run.read_recipe())


def test_what_a_run_says_is_json_that_every_reader_takes(run: RunFolder) -> None:
    run.write_facts({"data": {"label_names": ["Ünïcode", "</script>"]}})
    assert json.loads((run.path / "run.json").read_text("utf-8"))["data"]["label_names"] == ["Ünïcode", "</script>"]


def test_a_process_that_does_not_write_changes_nothing(run: RunFolder) -> None:
    run.append("metrics", {"step": 1})
    run.write_checkpoint(1, b"", keep=1)

    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}

    before, other = content(), RunFolder(run.path, writes=False)
    other.write_recipe(run.read_recipe())
    other.write_facts({"state": "finished"})
    other.append("metrics", {"step": 2})
    other.write_checkpoint(2, b"", keep=1)
    other.write_picture("one", {"images": np.zeros((1, 2, 2, 3), np.uint8)}, b"")
    other.rewind(0)
    assert content() == before
    absent = RunFolder(run.path / "absent", writes=False)
    absent.write_facts({"state": "running"})
    absent.rewind(0)
    assert not absent.path.exists()
