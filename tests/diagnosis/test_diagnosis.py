"""What a diagnosis makes of curves, measurements and pictures that were made by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.diagnosis import Finding, diagnose
from simulacra.diagnosis.generators import swing
from simulacra.diagnosis.history import Curve, History, changed, describe_set
from simulacra.diagnosis.learning import movement
from simulacra.errors import RunError
from simulacra.recipe import load
from simulacra.runs import RunFolder

STEPS = np.arange(50, 1001, 50)
Curves = dict[str, Sequence[float] | float]


@pytest.fixture
def run(tmp_path: Path, tiny: Any) -> Callable[..., RunFolder]:
    """run(family, curves, **facts): a folder with twenty rows of these curves, a number standing for a level one."""

    def make(family: str, curves: Curves, state: str = "finished", changes: Any = None, **facts: Any) -> RunFolder:
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir()
        folder.write_recipe(tiny(family, **(changes or {})))
        folder.write_facts({"state": state, "step": 1000} | facts)
        for place, step in enumerate(STEPS.tolist()):
            row = {key: one if isinstance(one, int | float) else one[place] for key, one in curves.items()}
            folder.append("metrics", {"step": step} | row)
        return folder

    return make


def names(found: list[Finding]) -> list[str]:
    return [finding.issue for finding in found]


def images(count: int, spread: float, seed: int = 0) -> Any:
    """Grey images (n, 8, 8, 3) around the middle."""
    random = np.random.default_rng(seed)
    return np.clip(128 + spread * random.standard_normal((count, 8, 8, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("real", "fake", "found"),
    [
        (1.0, 0.99, ["discriminator-wins"]),
        (0.95, 0.97, []),
        (1.0, 0.9, []),
        ([*np.linspace(1, 1, 10), *np.linspace(0.9, 0.7, 10)], 1.0, []),
        (0.99, 0.01, ["generator-wins"]),
        (0.5, 0.5, []),
    ],
)
def test_the_balance_of_two_players_is_read_off_the_discriminators_accuracy(real, fake, found, run) -> None:
    assert names(diagnose(run("gan", {"accuracy/real": real, "accuracy/fake": fake}))) == found


def test_a_discriminator_that_leaves_no_gradient_is_serious(run) -> None:
    gradient = [*np.ones(10), *np.full(10, 1e-4)]
    (finding,) = diagnose(run("gan", {"accuracy/real": 1.0, "accuracy/fake": 1.0, "gradient/generator": gradient}))
    assert finding.severity == "serious"
    sign = finding.evidence[-1]
    assert (sign.source, sign.side, sign.limit) == ("gradient/generator in metrics.jsonl", "below", 0.01)
    assert (sign.first, sign.last) == (700, 1000), "the last third"
    assert str(sign) == "gradient/generator in metrics.jsonl 0.0001, below 0.01 from step 700 to 1,000"


def test_a_joint_update_is_not_advised_to_have_more_steps_of_one_player(run) -> None:
    fooled = {"accuracy/real": 0.99, "accuracy/fake": 0.01}
    (finding,) = diagnose(run("gan", fooled, changes={"objective.joint": True}))
    assert "--set optimizer.discriminator.lr=" in finding.remedy
    assert "discriminator_steps" not in finding.remedy, "such a recipe is refused"


@pytest.mark.parametrize(("name", "said"), [("adam", "--set 'optimizer.betas="), ("rmsprop", "--set ema=0.999")])
def test_less_momentum_is_advised_to_optimizers_that_have_betas(run, name, said) -> None:
    swinging = {f"loss/{player}": [1.0, 9.0] * 10 for player in ("discriminator", "generator")}
    folder = run("gan", swinging, changes={"optimizer.name": name})
    for step in range(500, 1001, 100):
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, 40, seed=step)}, b"")
    (finding,) = [each for each in diagnose(folder) if each.issue == "oscillation"]
    assert said in finding.remedy


def test_too_short_a_run_is_not_judged(run) -> None:
    folder = run("gan", {"accuracy/real": 1.0, "accuracy/fake": 1.0})
    folder.rewind(100)
    assert diagnose(folder) == []


def test_a_guessing_discriminator_is_an_issue_where_images_are_poor_only(run) -> None:
    real = describe_set(images(32, 20))
    folder = run("gan", {"accuracy/real": 0.5, "accuracy/fake": 0.5}, data={"snapshot": real})
    for step in (500, 1000):
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, 20, seed=1)}, b"")
    assert diagnose(folder) == []
    for step in (500, 1000):
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, 60, seed=1)}, b"")
    assert "generator-wins" in names(diagnose(folder)), "three times as rough as real images"


def test_a_discriminator_that_is_ahead_wins_where_images_never_were_any_good(run) -> None:
    folder = run("gan", {"accuracy/real": 0.95, "accuracy/fake": 0.99}, data={"snapshot": describe_set(images(32, 40))})
    for step in (500, 1000):
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, 5, seed=1)}, b"")
    assert names(diagnose(folder)) == ["discriminator-wins"], "no collapse: there was nothing to collapse"
    folder.write_picture("fixed-00000300", {"images": images(12, 40, seed=1)}, b"")
    assert "mode-collapse" in names(diagnose(folder))


def test_images_that_are_alike_are_a_collapse_beside_real_ones_or_beside_earlier_ones(run) -> None:
    folder = run("gan", {}, data={"snapshot": describe_set(images(32, 40))})
    for step, spread in {200: 40, 500: 38, 900: 5, 1000: 5}.items():
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, spread, seed=1)}, b"")
    folder.append("metrics", {"step": 1050})
    (finding,) = diagnose(folder)
    assert (finding.issue, finding.severity) == ("mode-collapse", "serious")
    assert finding.evidence[0].first == 900
    folder.write_facts({"data": {}})
    (finding,) = diagnose(folder)
    assert "difference of the fixed codes' images (pictures/fixed-*.npz) 0.0" in str(finding.evidence[0])


@pytest.mark.parametrize(
    ("before", "found"), [(1, []), (38, ["mode-collapse"])], ids=["still coming", "comes and goes"]
)
def test_diversity_that_grows_is_no_collapse_unless_it_was_greater_before(before, found, run) -> None:
    folder = run("gan", {}, data={"snapshot": describe_set(images(32, 40))})
    for step, spread in {200: before, 500: 1, 800: 8, 1000: 10}.items():
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, spread, seed=1)}, b"")
    assert names(diagnose(folder)) == found


def test_images_that_never_differed_at_all_are_a_collapse(run) -> None:
    folder = run("gan", {}, data={"snapshot": describe_set(images(32, 40))})
    for step in (200, 500, 800, 1000):
        folder.write_picture(f"fixed-{step:08d}", {"images": images(12, 0)}, b"")
    assert names(diagnose(folder)) == ["mode-collapse"]


def test_twins_among_samples_are_a_collapse_though_the_whole_set_differs(run) -> None:
    folder = run("gan", {}, data={"snapshot": describe_set(images(32, 40))})
    motifs = np.concatenate([images(16, 40)] * 2)
    folder.write_picture("samples", {"images": motifs}, b"")
    (finding,) = diagnose(folder)
    assert [sign.source.split(" of samples")[0] for sign in finding.evidence] == ["difference of the most alike"]


def test_a_code_that_says_nothing_is_a_posterior_collapse(run) -> None:
    (finding,) = diagnose(run("vae", {"kl/train": 0.1}))
    assert (finding.issue, finding.severity) == ("posterior-collapse", "serious")


@pytest.mark.parametrize(
    ("kl", "found"), [(1.5, "warning"), (5.0, None), ([*np.full(14, 0.1), *[0.5] * 3, *[2] * 3], None)]
)
def test_the_less_a_code_says_the_worse(kl, found, run) -> None:
    assert [finding.severity for finding in diagnose(run("vae", {"kl/train": kl}))] == ([found] if found else [])


def test_latent_dimensions_that_stay_idle_are_a_note(run) -> None:
    codes = np.random.default_rng(0).standard_normal((50, 10)).astype(np.float32)
    codes[:, 2:] *= 0.01
    folder = run("vae", {"kl/train": 5.0})
    folder.write_picture("map", {"points": codes[:, :2], "codes": codes}, b"")
    (finding,) = diagnose(folder)
    assert (finding.issue, finding.severity) == ("dead-codes", "note")
    assert finding.meaning.startswith("Of 10 latent dimensions 2 say")
    nats = np.where(np.arange(10) < 2, 0.5, 0.0)
    folder.write_picture("kl-dimensions", {"kl": nats, "step": np.array(400)}, b"")
    (finding,) = diagnose(folder)
    assert finding.evidence[0].last == 400, "the update that the picture is of, not the last one"
    folder.write_picture("kl-dimensions", {"kl": np.full(10, 0.5)}, b"")
    assert diagnose(folder) == [], "the KL of each dimension comes before the map"


def measure(folder: RunFolder, metric: str, split: str, values: Sequence[float], **more: Any) -> None:
    for place, value in enumerate(values):
        row = {"metric": metric, "value": value, "low": value - 0.01, "high": value + 0.01, "baseline": 0.0, "n": 100}
        folder.append("evaluations", row | {"split": split, "step": 100 * (place + 1)} | more)


def test_an_error_that_rises_on_held_out_images_is_overfitting(run) -> None:
    folder = run("classifier", {}, best={"step": 300})
    measure(folder, "loss", "valid", [1.0, 0.6, 0.5, 0.5, 0.6, 0.8])
    (finding,) = diagnose(folder)
    assert finding.issue == "overfitting"
    assert str(finding.evidence[0]) == "loss on valid images in evaluations.jsonl 0.8, above 0.5 from step 300 to 600"
    assert "--step best" in finding.remedy


@pytest.mark.parametrize(("ema", "weights"), [(0, "raw"), (0.9, "ema")])
def test_copies_are_seen_by_the_weights_that_are_looked_at(ema, weights, run) -> None:
    folder = run("gan", {}, changes={"ema": ema})
    for split, value in {"train": 0.1, "test": 0.5}.items():
        measure(folder, "kernel_distance", split, [value], weights=weights)
    assert names(diagnose(folder)) == ["overfitting"]


def test_the_last_weights_say_nothing_of_a_run_with_an_average(run) -> None:
    folder = run("gan", {}, changes={"ema": 0.9})
    for split, value in {"train": 0.1, "test": 0.5}.items():
        measure(folder, "kernel_distance", split, [value], weights="raw")
    assert diagnose(folder) == []


def test_a_trend_is_of_one_extractor_and_one_n(run) -> None:
    folder = run("gan", {})
    measure(folder, "kernel_distance", "valid", np.linspace(2, 1, 10).tolist(), extractor="a", weights="raw")
    (finding,) = diagnose(folder)
    assert finding.issue == "more-training"
    row = {"metric": "kernel_distance", "value": 9.0, "low": 8.9, "high": 9.1, "split": "valid", "step": 1000}
    folder.append("evaluations", row | {"extractor": "b", "n": 100, "weights": "raw"})
    folder.append("evaluations", row | {"extractor": "a", "n": 50, "weights": "raw"})
    assert diagnose(folder) == [finding], "rows of another scale change nothing"
    newer = [point.value for point in History(folder).measured("kernel_distance", "valid")]
    assert newer == np.linspace(2, 1, 10).tolist()
    folder.append("evaluations", row | {"step": 1100, "extractor": "b", "n": 100, "weights": "raw"})
    assert [point.step for point in History(folder).measured("kernel_distance", "valid")] == [1000, 1100]


def test_samples_near_training_images_and_far_from_others_are_copies(run) -> None:
    folder = run("gan", {})
    for split, value in {"train": 0.1, "test": 0.5}.items():
        measure(folder, "kernel_distance", split, [value])
    (finding,) = diagnose(folder)
    assert finding.issue == "overfitting"
    assert "copies" in finding.meaning


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.linspace(2, 1, 20), ["more-training"]),
        (np.r_[np.linspace(2, 1, 10), 1 + 0.001 * np.cos(np.arange(10))], ["enough-training"]),
        (np.r_[np.linspace(2, 1, 10), 1 + 0.3 * np.cos(9 * np.arange(10))], []),
    ],
    ids=["falling", "level", "unsure"],
)
def test_whether_more_training_helps_is_said_where_it_is_sure(values, found, run) -> None:
    assert names(diagnose(run("vae", {"loss/total": values.tolist()}))) == found


def test_nothing_is_said_of_more_training_where_the_rate_falls_to_0(run) -> None:
    changes = {"optimizer.schedule": "cosine"}
    assert diagnose(run("vae", {"loss/total": np.linspace(2, 1, 20).tolist()}, changes=changes)) == []


def test_the_worst_comes_first_and_a_damaged_file_is_named(run, tmp_path) -> None:
    found = diagnose(run("vae", {"loss/total": np.linspace(2, 1, 20).tolist(), "kl/train": 0.0}))
    assert [finding.severity for finding in found] == ["serious", "note"]
    folder = RunFolder(tmp_path / "run")
    (folder.path / "metrics.jsonl").write_text("{torn\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl is damaged"):
        diagnose(folder)


def test_a_movement_is_a_straight_lines_rise_with_its_interval() -> None:
    steps = np.arange(0, 100, 10)
    low, high = movement(Curve("a line", steps, 3 - steps / 90))
    assert (low, high) == pytest.approx((-1, -1))
    noisy = 3 - steps / 90 + np.random.default_rng(0).normal(0, 0.1, 10)
    low, high = movement(Curve("a noisy line", steps, noisy))
    assert low < -1 < high


def test_a_swing_is_what_is_left_without_the_trend() -> None:
    steps = np.arange(10)
    assert swing(Curve("a line", steps, 2.0 + steps)) == pytest.approx(0, abs=1e-9)
    assert swing(Curve("a saw", steps, 2.0 + (-1.0) ** steps)) == pytest.approx(0.5, rel=0.2)


def test_how_alike_images_are_in_cases_worked_by_hand() -> None:
    black, white = np.zeros((8, 8, 1), np.uint8), np.full((8, 8, 1), 255, np.uint8)
    assert describe_set(np.stack([black, white])) == {"apart": 1.0, "nearest": 1.0, "roughness": 0.0}
    found = describe_set(np.stack([black, black, white, white]))
    assert found["apart"] == pytest.approx(4 / 6)
    assert found["nearest"] == 0
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))[None, :, :, None]
    assert describe_set(np.concatenate([stripes] * 2))["roughness"] == pytest.approx(0.5)
    assert changed(np.stack([black, black]), np.stack([black, white])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("facts", "severity", "said"),
    [
        ({"recipe_name": "celeba-dcgan"}, "warning", "of the recipe's updates (1,000 of "),
        ({"recipe_name": "celeba-dcgan", "state": "running"}, "note", "of the recipe's updates (1,000 of "),
        ({"recipe_name": "faces-fast", "seconds": 30}, "warning", "5% of the recipe's minutes (0.5 of 10): too early"),
        ({"recipe_name": "faces-fast", "seconds": 240}, None, ""),
        ({"recipe_name": "demo-acgan"}, None, ""),
        ({"recipe_name": "my/own.toml"}, None, ""),
    ],
)
def test_a_small_part_of_the_recipe_is_too_early_to_judge(facts, severity, said, run) -> None:
    found = [finding for finding in diagnose(run("gan", {}, **facts)) if finding.issue == "too-early"]
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(said in finding.meaning for finding in found)


def test_a_run_that_its_minutes_ended_is_told_how_many_it_needs(run) -> None:
    about: Any = {"recipe_name": "celeba-acgan", "seconds": 240.0, "changes": {"minutes": 4, "steps": 5000}}
    (finding,) = diagnose(run("gan", {}, **about))
    share = 1000 / load("celeba-acgan").steps
    assert finding.meaning.startswith(f"{100 * share:.2g}% of the recipe's updates (1,000 of ")
    assert f"--minutes {4 / share:.0f}: it goes on in the same folder." in finding.remedy


@pytest.mark.parametrize(("value", "found"), [(0.48, ["labels-ignored"]), (0.6, [])])
def test_labels_that_the_judge_does_not_see_are_an_issue(value, found, run) -> None:
    folder = run("acgan", {"label_accuracy/fake": 1.0}, changes={"data.labels": ["a"]})
    row = {"metric": "condition_accuracy", "n": 500, "step": 1000, "baseline": 0.8, "chance": 0.49}
    folder.append("evaluations", row | {"value": value, "low": value - 0.02, "high": value + 0.02})
    assert names(diagnose(folder)) == found


@pytest.mark.parametrize(
    ("precision", "recall", "senior", "found"),
    [(0.5, 0.013, 0.1, True), (0.5, 0.3, 0.01, True), (0.5, 0.3, 0.1, False), (0.0, 0.0, 0.1, False)],
    ids=["recall", "label", "neither", "features that see nothing"],
)
def test_samples_that_reach_little_of_the_variety_of_real_images(precision, recall, senior, found, run) -> None:
    folder = run("gan", {})
    about = {"n": 500, "step": 1000, "seed": 0}
    row = about | {"metric": "recall", "split": "test", "value": recall, "low": recall / 2, "high": recall * 2}
    folder.append("evaluations", row | {"baseline": 0.7})
    row = about | {"metric": "precision", "split": "test", "value": precision, "baseline": 0.7}
    folder.append("evaluations", row)
    row = about | {"metric": "label_frequency", "split": "train", "label": "Senior", "value": senior, "low": 0.0}
    folder.append("evaluations", row | {"high": senior + 0.01, "baseline": 0.115})
    assert ("little-variety" in names(diagnose(folder))) == found
