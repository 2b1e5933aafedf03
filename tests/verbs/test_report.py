"""The verb `compare`: what it holds against one another, what it says, and what it refuses."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import RunError
from simulacra.runs import RunFolder
from simulacra.verbs.report import compare

ROW = {
    "metric": "precision",
    "low": None,
    "high": None,
    "baseline": 0.9,
    "n": 500,
    "split": "test",
    "real": 100,
    "extractor": "random-vgg, 64x64 bicubic",
    "step": 6,
    "seed": 0,
}


@pytest.fixture
def make(tmp_path: Path, tiny: Any) -> Callable[..., Path]:
    """make(name, rows, data=, **changes): a run folder with these evaluations; a number is a precision, +- 0.02."""

    def run(name: str, *rows: float | dict[str, Any], data: str = "data-1", **changes: Any) -> Path:
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir(parents=True)
        folder.write_recipe(tiny("vae", **changes))
        folder.write_facts({"state": "finished", "step": 6, "images_seen": 24, "data": {"fingerprint": data}})
        for row in rows:
            if not isinstance(row, dict):
                row = {"value": row, "low": row - 0.02, "high": row + 0.02}
            folder.append("evaluations", ROW | row)
        return folder.path

    return run


@pytest.fixture
def seeds(make: Any) -> list[Path]:
    """Two weights with three seeds each, whose precisions differ by about 0.1 seed by seed."""
    found = []
    for weight, values in ((1.0, (0.5, 0.6, 0.7)), (4.0, (0.4, 0.51, 0.59))):
        for seed, value in enumerate(values):
            found.append(make(f"kl-{weight}-{seed}", value, seed=seed, **{"objective.kl_weight": weight}))
    return found


def test_the_better_of_two_is_told_where_their_intervals_allow_it(make) -> None:
    found = compare([make("a", 0.5), make("b", 0.6)])
    (one,) = found.metrics
    assert (one.verdict, one.best) == ("b is better", ("b",))
    difference = one.differences[0]
    margin = 0.02 * 2**0.5
    assert (difference.value, difference.low, difference.high) == pytest.approx((-0.1, -0.1 - margin, -0.1 + margin))
    assert one.baseline == 0.9


@pytest.mark.parametrize(
    ("metric", "values", "verdict"),
    [
        ("kernel_distance", (0.5, 0.6), "a is better"),
        ("sharpness", (0.5, 0.6), "b is higher"),
        ("precision", (0.5, 0.51), "no significant difference"),
        ("precision", (0.5, 0.6, 0.7), "c is best"),
        ("precision", (0.5, 0.69, 0.7), "no significant difference between b and c; a is worse"),
        ("sharpness", (0.5, 0.52, 0.69, 0.7), "no significant difference between c and d; a and b are lower"),
    ],
)
def test_a_verdict_names_who_leads(make, metric, values, verdict) -> None:
    rows = [{"metric": metric, "value": value, "low": value - 0.02, "high": value + 0.02} for value in values]
    found = compare([make(name, row) for name, row in zip("abcd", rows, strict=False)])
    assert [one.verdict for one in found.metrics] == [verdict]


def test_a_value_without_interval_is_shown_and_not_judged(make) -> None:
    row = {"metric": "frechet_distance"}
    (one,) = compare([make("a", row | {"value": 3.0}), make("b", row | {"value": 30.0})]).metrics
    assert one.verdict == "not tested: no interval"
    assert one.best == ()


def test_what_was_measured_otherwise_is_said_and_not_compared(make) -> None:
    a = make("a", 0.5, {"metric": "recall", "value": 0.3})
    b = make("b", {"value": 0.6, "n": 2000}, {"metric": "recall", "value": 0.4})
    found = compare([a, b])
    assert [one.metric for one in found.metrics] == ["recall"]
    assert "for a, precision is not compared, because n is 500 for a and 2000 for b; to measure a " in found.notes[0]
    assert found.notes[0].endswith(f"simulacra evaluate {a} -n 2000 --features random-vgg")


def test_the_conditions_that_most_runs_share_are_compared(make) -> None:
    paths = [make("a", 0.5, {"value": 0.55, "n": 900}), make("b", {"value": 0.6, "n": 900}), make("c", 0.7)]
    (one,) = compare(paths).metrics
    assert one.conditions["n"] == 900
    assert [cell and cell.estimate.value for cell in one.cells] == [0.55, 0.6, None]


def test_images_kept_aside_are_compared_unless_another_split_is_asked_for(make) -> None:
    paths = [make(name, 0.5, {"value": 0.8, "split": "train"}, {"value": 0.1, "split": "valid"}) for name in "ab"]
    assert [one.split for one in compare(paths).metrics] == ["test"]
    assert [one.split for one in compare(paths, split="train").metrics] == ["train"]
    valid = [make(name, {"value": 0.1, "split": "valid"}) for name in "cd"]
    assert [one.split for one in compare(valid).metrics] == ["valid"]


def test_likelihoods_of_different_width_are_not_compared(make) -> None:
    bounds = [{"metric": "elbo", "value": -100.0, "density": f"normal, variance {width}"} for width in (0.5, 1)]
    found = compare([make("a", 0.5, bounds[0]), make("b", 0.5, bounds[1])])
    assert [compared.metric for compared in found.metrics] == ["precision"]
    assert found.notes[0] == (
        "for b, elbo is not compared, because density is normal, variance 1 for b and normal, variance 0.5 for a, and "
        "log-densities compare only where likelihood and width are equal"
    )


def test_labels_are_compared_each_with_itself(make) -> None:
    paths = [make(name, *({"value": 0.5, "label": label} for label in ("Hat", "Beard"))) for name in "ab"]
    assert [one.label for one in compare(paths).metrics] == ["Hat", "Beard"]


def test_the_keys_that_differ_stand_beside_the_numbers(make) -> None:
    changes = {"objective.kl_weight": 4.0, "networks.encoder.channels": [4, 16], "title": "other", "every.log": 1}
    found = compare([make("a", 0.5), make("b", 0.6, seed=1, **changes)])
    assert found.differences == {
        "seed": ("0", "1"),
        "objective.kl_weight": ("1.0", "4.0"),
        "networks.encoder.channels": ("[4,8]", "[4,16]"),
    }


def test_seeds_of_one_recipe_are_a_group_and_equal_seeds_are_paired(seeds) -> None:
    found = compare(seeds, "objective.kl_weight")
    assert [column.name for column in found.columns] == ["kl_weight=1.0", "kl_weight=4.0"]
    (one,) = found.metrics
    first = one.cells[0]
    room = 4.302653 * 0.1 / 3**0.5
    assert (first.estimate.value, first.estimate.low, first.estimate.high) == pytest.approx(
        (0.6, 0.6 - room, 0.6 + room)
    )
    assert first.values == (0.5, 0.6, 0.7)
    assert one.test == "paired"
    assert one.verdict == "kl_weight=1.0 is better", "the intervals of the groups overlap, the pairs differ alike"


def test_groups_of_other_seeds_are_compared_as_wholes(seeds) -> None:
    (one,) = compare([*seeds[:3], *seeds[4:]], "objective.kl_weight").metrics
    assert one.test == "welch"
    assert one.verdict == "no significant difference"


def test_one_seed_has_a_value_and_no_spread(seeds) -> None:
    found = compare(seeds[:4], "objective.kl_weight")
    cell = found.metrics[0].cells[1]
    assert (cell.estimate.value, cell.estimate.low) == (0.4, None)
    assert found.metrics[0].verdict == "not tested: only one seed of kl_weight=4.0"
    assert "only one seed (0) of kl_weight=4.0, so its spread over seeds is unknown" in found.notes[0]


def test_groups_that_differ_in_more_than_the_key_are_told(make) -> None:
    paths = [
        make(
            f"{weight}-{seed}",
            0.5 + seed / 10,
            seed=seed,
            **{"objective.kl_weight": weight, "objective.latent": 2 + int(weight)},
        )
        for weight in (1.0, 4.0)
        for seed in (0, 1)
    ]
    assert "the groups differ in objective.latent too" in compare(paths, "objective.kl_weight").notes[0]


def test_people_get_two_tables_and_scripts_get_all_of_it(simulacra, seeds) -> None:
    ended = simulacra("compare", *seeds, "--group-by", "objective.kl_weight", code=0)
    assert re.search(r"0\.6000 +0\.3516 to 0\.8484", ended.out)
    assert "objective.kl_weight" in ended.out
    found = json.loads(simulacra("compare", *seeds, "--json").out)
    assert [column["name"] for column in found["columns"]] == [path.name for path in seeds]
    assert found["metrics"][0]["verdict"].startswith("kl-1.0-2 is best")
    assert found["differences"]["seed"] == ["0", "1", "2"] * 2
    assert "not the seed of the training" in found["notes"][-1]


def test_a_page_of_a_comparison_is_the_same_each_time(simulacra, seeds, tmp_path) -> None:
    words = ["compare", *seeds, "--group-by", "objective.kl_weight", "--out"]
    simulacra(*words, tmp_path / "one" / "page.html", code=0)
    simulacra(*words, tmp_path / "two" / "page.html", code=0)
    page = (tmp_path / "one" / "page.html").read_bytes()
    assert page == (tmp_path / "two" / "page.html").read_bytes()
    assert b"kl_weight=1.0 is better" in page
    assert b"Comparison of 6 runs by objective.kl_weight" in page
    assert b"has a part of its own" not in page


def test_other_data_are_not_compared(simulacra, make) -> None:
    alone = {"metric": "repeats", "split": None, "value": 0.1, "extractor": None}
    a, b = make("a", 0.5, alone), make("b", 0.9, alone, data="data-2")
    found = compare([a, b])
    assert [one.metric for one in found.metrics] == ["repeats"], "samples alone hang on no data"
    assert "for b, precision is not compared, because data is data-2 for b and data-1 for a" in found.notes[0]
    refused = simulacra("compare", make("c", 0.5), make("d", 0.5, data="data-2"), code=2)
    assert "nothing can be compared: for d, precision is not compared, because data is data-2 for d" in refused.err
    assert f"simulacra evaluate {b.with_name('d')} -n 500 --features random-vgg --against STORE" in refused.err


def test_runs_measured_against_one_store_are_compared_whatever_they_saw(make) -> None:
    row = {"value": 0.5, "low": 0.4, "high": 0.6, "against": "data-3"}
    (one,) = compare([make("a", row), make("b", row, data="data-2")]).metrics
    assert one.against == "data-3"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "it takes two runs or more to compare; name another one: simulacra compare a RUN"),
        (["a", "./a"], "a is given twice"),
        (["a", "nowhere"], "nowhere holds no run"),
        (["a", "bare"], "bare has not been evaluated; do that first: simulacra evaluate bare -n 500 --features random"),
        (["bare", "a", "bare2"], "bare, bare2 have not been evaluated; do that first: simulacra evaluate bare -n 500"),
        (["a", "torn"], "torn/evaluations.jsonl is damaged"),
        (["a", "b", "--metric", "precisoin"], "--metric precisoin: no run has this metric; did you mean precision?"),
        (["a", "b", "--split", "tset"], "--split tset: no run was measured on it; did you mean test?"),
        (["a", "b", "--group-by", "objective.kl_wieght"], "did you mean objective.kl_weight?"),
        (["a", "b", "--group-by", "zzz"], "these keys differ: objective.latent"),
        (["a", "b", "--group-by", "objective.kl_weight"], "it is 1.0 in every run, so there is only one group"),
        (["a", "b", "--group-by", "seed"], "seeds differ within a group, so they make no groups; these keys differ"),
        (["a", "b", "c", "--group-by", "objective.latent"], "a and c have objective.latent = 3 but differ in ema"),
        (["a", "a2", "b", "--group-by", "objective.latent"], "a and a2 have the same recipe and the same seed (0)"),
    ],
)
def test_what_cannot_be_compared_is_told(simulacra, make, words, said, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    make("a", 0.5)
    make("a2", 0.5)
    make("b", 0.6, **{"objective.latent": 4})
    make("c", 0.6, seed=1, ema=0.5)
    make("bare")
    make("bare2")
    (make("torn", 0.5) / "evaluations.jsonl").write_text("{]\n")
    ended = simulacra("compare", *words, code=2)
    assert ended.err.startswith("simulacra: ")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_comparing_loads_no_torch() -> None:
    code = "import sys, simulacra.verbs.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- verdicts that cannot be


@pytest.mark.parametrize(
    ("rows", "changes", "why"),
    [
        ({"metric": "mse_plus_kl"}, {"objective.kl_weight": 4.0}, "losses compare only where they are the same sum"),
        ({"metric": "mse_plus_kl"}, {"objective.reduction": "sum"}, "losses compare only where they are the same sum"),
        ({"metric": "elbo"}, {}, "the likelihood is not known, as an earlier version measured it; measure again: "),
    ],
)
def test_a_metric_whose_meaning_hangs_on_the_recipe_gets_no_verdict(make, rows, changes, why) -> None:
    row = {"value": 0.5, "low": 0.4, "high": 0.6} | rows
    found = compare([make("a", 0.5, row), make("b", 0.5, row | {"value": 5.0, "low": 4.9, "high": 5.1}, **changes)])
    assert [compared.metric for compared in found.metrics] == ["precision"]
    assert any(f"{rows['metric']} is not compared" in note and why in note for note in found.notes)


def test_a_mean_over_labels_compares_only_with_one_over_the_same(make, tiny) -> None:
    row = {"metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6}
    paths = [make(name, 0.5, row) for name in "ab"]
    for path, labels in zip(paths, (["Smiling", "Male"], ["Male"]), strict=True):
        RunFolder(path).write_recipe(tiny("classifier", **{"data.labels": labels}))
    found = compare(paths)
    assert any("a mean compares only with a mean over the same labels" in note for note in found.notes)


def test_a_metric_that_was_defined_anew_is_measured_again(make) -> None:
    recall = {"value": 0.4, "metric": "recall"}
    found = compare([make("a", 0.5, recall), make("b", 0.6, recall | {"version": 2})])
    assert "it has been defined anew since a was measured; measure again: simulacra evaluate" in found.notes[0]


def test_means_over_images_compare_whatever_their_number(make) -> None:
    rows = [{"metric": "condition_accuracy", "label": "Hat", "split": None, "judge": "j", "n": n} for n in (240, 260)]
    found = compare([make(name, row | {"value": 0.5}) for name, row in zip("ab", rows, strict=True)])
    assert [compared.label for compared in found.metrics] == ["Hat"]
    assert "n" not in found.metrics[0].conditions


def test_codes_of_two_trainings_have_no_common_order(make, tiny) -> None:
    row = {"metric": "mutual_information", "split": None, "judge": "j", "label": "Hat", "value": 0.5}
    paths = [make(name, 0.5, *(row | {"code": f"categorical {place}"} for place in (1, 2))) for name in "ab"]
    for path in paths:
        RunFolder(path).write_recipe(tiny("infogan"))  # it has two categorical codes
    found = compare(paths)
    assert [compared.metric for compared in found.metrics] == ["precision"]
    assert "the codes of two trainings have no common order" in found.notes[0]


# --- fair comparisons, and refusals that help


def test_each_run_is_compared_by_the_weights_that_its_samples_are_drawn_with(make) -> None:
    both = [{"value": 0.5, "weights": "ema"}, {"value": 0.1, "weights": "raw"}]
    found = compare([make("a", *both, ema=0.5), make("b", {"value": 0.6, "weights": "raw"})])
    assert [cell.estimate.value for cell in found.metrics[0].cells] == [0.5, 0.6]
    assert [column.weights for column in found.columns] == ["ema", "raw"]
    assert found.notes[0].endswith("samples are drawn with: EMA weights of a, raw weights of b")


def test_numbers_of_other_weights_are_no_answer(simulacra, make) -> None:
    a = make("a", {"value": 0.5, "weights": "raw"}, ema=0.5)
    refused = simulacra("compare", a, make("b", {"value": 0.6, "weights": "raw"}), code=2)
    why = f"its raw weights were measured, and its samples are drawn with its EMA weights: simulacra evaluate {a} -n"
    assert why in refused.err


def facts(run: Path, **data: Any) -> Path:
    folder = RunFolder(run)
    folder.write_facts({"data": folder.read_facts()["data"] | data})
    return run


def test_the_same_pictures_compare_whatever_their_labels(make) -> None:
    parts = {"pictures": "p", "split": "s"}
    a = facts(make("a", {"value": 0.5, "data": "x"}), fingerprints=parts | {"labels": "l"})
    b = facts(make("b", {"value": 0.6, "data": "x"}, data="data-2"), fingerprints=parts | {"labels": "m"})
    assert [compared.metric for compared in compare([a, b]).metrics] == ["precision"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"fingerprints": {"pictures": "p", "split": "t"}}, "split into train, valid and test in another way"),
        ({"fingerprints": {"pictures": "q", "split": "s"}, "path": "there"}, "data is there for b and here for a"),
        ({"shape": [16, 16, 3]}, "images are 16×16 colour and those of a are 8×8 colour, and numbers of images of"),
    ],
)
def test_what_differs_in_the_data_is_named(simulacra, make, data, why) -> None:
    here = {"fingerprints": {"pictures": "p", "split": "s"}, "path": "here", "shape": [8, 8, 3]}
    a = facts(make("a", {"value": 0.5, "data": "x"}), **here)
    b = facts(make("b", {"value": 0.5, "data": "y"}, data="data-2"), **here | data)
    assert why in simulacra("compare", a, b, code=2).err


def test_a_run_of_an_earlier_version_compares_with_a_new_one_on_its_store(make) -> None:
    a, b = make("a", {"value": 0.5}), make("b", {"value": 0.6, "data": "x"})
    assert [compared.metric for compared in compare([a, b]).metrics] == ["precision"]


def test_images_that_each_run_held_out_for_itself_are_no_common_ones(make) -> None:
    rows = {"value": 0.5, "split": "valid"}
    with pytest.raises(RunError, match=re.escape("train both with the same data.holdout and seed")):
        compare([make("a", rows, **{"data.holdout": 3}), make("b", rows, seed=1, **{"data.holdout": 3})])


def test_features_of_a_judge_are_not_asked_of_a_run_without_labels(make) -> None:
    judged = {"value": 0.5, "extractor": "features of judge 0123abcd"}
    found = compare(
        [make("a", judged, {"metric": "mse", "value": 1.0}), make("b", 0.5, {"metric": "mse", "value": 1.0})]
    )
    assert found.notes[0].endswith(f"evaluate {found.columns[0].runs[0]} -n 500 --features random-vgg")


# --- formats


def test_csv_has_a_row_per_metric_and_run_with_its_interval(simulacra, make, tmp_path) -> None:
    paths = [make("a", 0.5), make("b", 0.6)]
    printed = simulacra("compare", *paths, "--format", "csv", code=0).out
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [(row["column"], row["value"], row["low"], row["high"]) for row in rows] == [
        ("a", "0.5", "0.48", "0.52"),
        ("b", "0.6", "0.58", "0.62"),
    ]
    assert {row["verdict"] for row in rows} == {"b is better"}
    simulacra("compare", *paths, "--format", "csv", "--out", tmp_path / "out.csv", code=0)
    assert (tmp_path / "out.csv").read_text("utf-8") == printed


def test_latex_is_a_table_of_booktabs_in_which_names_are_no_commands(simulacra, make, tmp_path) -> None:
    printed = simulacra("compare", make("a_1", 0.5), make("50%", 0.6), "--format", "latex", code=0).out
    assert "metric & a\\_1 & 50\\% & baseline & verdict \\\\\n  \\midrule\n" in printed
    assert (
        "precision $\\uparrow$ & 0.5000 (0.4800 to 0.5200) & 0.6000 (0.5800 to 0.6200) & 0.9000 & 50\\% is better \\\\"
        in printed
    )
    if shutil.which("pdflatex"):
        (tmp_path / "page.tex").write_text(
            f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{printed}\\end{{document}}"
        )
        subprocess.run(["pdflatex", "-halt-on-error", "page.tex"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)


def test_markdown_is_a_table_with_its_notes_below(simulacra, make) -> None:
    printed = simulacra("compare", make("a", 0.5), make("b", 0.6), "--format", "markdown", code=0).out
    head, rule, row, blank, *notes = printed.splitlines()
    assert head == "| metric | a | b | baseline | verdict |"
    assert rule == "| --- | --- | --- | --- | --- |"
    assert row == "| precision ↑ | 0.5000 (0.4800 to 0.5200) | 0.6000 (0.5800 to 0.6200) | 0.9000 | b is better |"
    assert not blank
    assert notes[0].startswith("- intervals cover")


def test_a_format_that_is_none_is_refused(simulacra, make) -> None:
    refused = simulacra("compare", make("a", 0.5), make("b", 0.6), "--format", "latx", code=2)
    assert "--format latx: there is no such format; did you mean latex?" in refused.err
