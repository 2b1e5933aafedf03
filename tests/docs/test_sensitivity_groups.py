"""The numbers of the other groups answer to known damage as the page says; the benchmark's damages, at small size."""

import importlib.util
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simulacra.data.store import ImageStore
from simulacra.estimates import Estimate
from simulacra.evaluation.judge import counted

ROOT = Path(__file__).parents[2]
Numbers = dict[str, dict[str, Estimate]]
Flags = NDArray[np.bool_]


def loaded(name: str) -> ModuleType:
    """A benchmark as a module, which another one may import."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sensitivity: Any = loaded("sensitivity")
groups: Any = loaded("sensitivity_groups")


def labelled(exclusive: bool, count: int = 1000) -> tuple[Flags, Flags]:
    """Labels (n, 4), and the verdicts of a judge that is wrong about one image of ten."""
    draw = np.random.default_rng(0)
    if exclusive:
        true = draw.integers(4, size=count)
        said = np.where(draw.random(count) < 0.1, (true + 1) % 4, true)
        return np.eye(4, dtype=bool)[true], np.eye(4, dtype=bool)[said]
    labels = draw.random((count, 4)) < 0.4
    return labels, labels ^ (draw.random((count, 4)) < 0.1)


@pytest.mark.parametrize(("exclusive", "alike"), [(True, 0.25), (False, 0.4**2 + 0.6**2)])
def test_swapped_labels_lower_condition_accuracy_by_the_share_swapped(exclusive: bool, alike: float) -> None:
    true, told = labelled(exclusive)
    confusion = counted(*labelled(exclusive, 3000), exclusive=exclusive)
    parts = (0.0, 0.1, 0.5, 1.0)
    found = [groups.obedience(true, told, groups.swapped(true, part), confusion, np.ones(4, bool)) for part in parts]
    for part, scores in zip(parts, found, strict=True):
        left = 1 - part * (1 - alike)
        assert scores[groups.RIGHT].value == pytest.approx(left, abs=0.03)
        assert scores[groups.CORRECTED].value == pytest.approx(scores[groups.RIGHT].value, abs=0.03)
    judged = [scores[groups.NAME].value for scores in found]
    assert judged == sorted(judged, reverse=True)
    assert judged[0] == pytest.approx(0.9, abs=0.02), "the judge errs, and what it says is not corrected"
    assert found[1][groups.NAME].value < found[0][groups.NAME].low, "a tenth is told"


def by_brightness(images: NDArray[np.uint8]) -> Flags:
    """What a judge would see in images of `seen`: a bright top, a bright left, and nothing of the coin."""
    right_of_top, left_of_bottom = images[:, :4, 4:].mean((1, 2, 3)), images[:, 4:, :4].mean((1, 2, 3))
    return np.stack([right_of_top > 150, left_of_bottom > 130, np.zeros(len(images), bool)], 1)


def test_real_images_asked_for_the_labels_of_others_are_told(
    seen: Callable[..., ImageStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = SimpleNamespace(verdicts=by_brightness, learned=np.array([True, True, False]))
    monkeypatch.setattr(groups, "judge_of", lambda store: judge)
    found: Numbers = groups.conditions(seen(), 100)
    assert list(found) == ["none", *(f"labels of {share} % swapped" for share in (10, 50, 100))]
    judged = [scores[groups.NAME].value for scores in found.values()]
    assert judged == [scores[groups.RIGHT].value for scores in found.values()], "this judge is never wrong"
    assert judged[0] == 1
    assert judged == sorted(judged, reverse=True)
    assert judged[3] < 0.7


def test_as_many_rows_are_swapped_as_asked_for_and_no_label_is_lost() -> None:
    labels = np.eye(50, dtype=bool)
    found = groups.swapped(labels, 0.2)
    assert (found != labels).any(1).sum() == 10
    assert (found.sum(0) == 1).all()
    assert (groups.swapped(labels, 0) == labels).all()


def test_reconstruction_worsens_with_the_strength_of_every_damage() -> None:
    smooth = gaussian_filter(np.random.default_rng(0).normal(size=(160, 24, 24, 3)), (0, 2, 2, 0))
    images = sensitivity.rounded(128 + 50 * smooth / smooth.std())
    found: Numbers = groups.reconstruction(images[:40], images[40:])
    floor = found.pop("none")
    assert floor["reconstruction_mse"].value == 0
    for damage, (_, strengths, _) in sensitivity.PIXELS.items():
        rows = [floor, *(scores for name, scores in found.items() if name.startswith(damage))]
        assert len(rows) == 1 + len(strengths)
        if damage == "PCA":  # its strength is what is kept
            assert list(strengths) == sorted(strengths, reverse=True)
        for milder, stronger in pairwise(rows):
            assert stronger["reconstruction_mse"].value > milder["reconstruction_mse"].value
            assert stronger["psnr"].value < milder["psnr"].value
            assert stronger["ssim"].value < milder["ssim"].value


@pytest.fixture(scope="module")
def coded() -> Numbers:
    """Scores of codes of three continuous factors."""
    found: Numbers = groups.disentanglement(np.random.default_rng(0).uniform(size=(800, 3)))
    return found


@pytest.mark.parametrize("metric", ["mig", "sap", "factorvae_score", "dci_disentanglement", "dci_completeness"])
def test_disentanglement_falls_from_noise_to_rotation_to_chance(metric: str, coded: Numbers) -> None:
    perfect, noisy, noisier, rotated, chance = (scores[metric].value for scores in coded.values())
    assert perfect >= noisy >= noisier > chance
    assert noisy >= rotated > chance
    if metric != "factorvae_score":  # of so few factors each has a steadiest number still
        assert perfect - rotated > 0.3


def test_rotated_codes_tell_as_much_about_the_factors_and_those_of_other_images_nothing(coded: Numbers) -> None:
    told = {damage: scores["dci_informativeness"].value for damage, scores in coded.items()}
    assert told["rotated at random"] > 0.9
    assert told["codes of other images"] < 0.1
    assert told["none"] > told["noise of deviation 0.3"] > told["noise of deviation 1"]


def test_what_lies_outside_the_floor_s_interval_is_bold() -> None:
    found = {"none": {"a": Estimate(1, 0.9, 1.1)}, "some": {"a": Estimate(1.05)}, "much": {"a": Estimate(0.5)}}
    assert groups.table(found, ("a",)).splitlines()[2:] == ["| none | 1 |", "| some | 1.05 |", "| much | **0.5** |"]


def test_the_page_has_tables_of_every_group_between_the_marks() -> None:
    page = (ROOT / "docs" / "metrics-sensitivity.md").read_text("utf-8")
    bare: str = sensitivity.filled(page, "other groups", "", "sensitivity_groups.py")
    written = set(page.splitlines()) - set(bare.splitlines())
    for group in ("diversity", "conditions", "reconstruction", "disentanglement"):
        assert f"`avatars`, {group}:" in written
    widest = max(line.count("|") - 1 for line in written)
    assert widest <= 9
