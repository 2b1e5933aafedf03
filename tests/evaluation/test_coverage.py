"""Intervals of 95% contain the truth about as often: simulated data sets whose truth is known."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SPEC = importlib.util.spec_from_file_location(
    "coverage_of_intervals", Path(__file__).parents[2] / "benchmarks/coverage.py"
)
assert SPEC is not None
assert SPEC.loader is not None
simulated: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(simulated)

# Kinds that take long -> how many data sets of them are simulated for each attempt; 400 of every other kind.
FEW = {
    **dict.fromkeys(("kernel distance, two distributions", "kernel distance, one distribution"), 100),
    **dict.fromkeys(("Fréchet distance at its number of images", "Fréchet distance, its limit"), 50),
    **dict.fromkeys(("corrected share of an attribute", "corrected share of a rare attribute, poor judge"), 50),
    **dict.fromkeys(("a difference of means over seeds (Welch)", "a slope over 6 seeds (study: trend)"), 100),
    **dict.fromkeys(("an interaction over 6 seeds (study: early-not-late)", "duplicates, at chance"), 100),
    **dict.fromkeys(("coverage", "leakage, none"), 40),
}
LONG = (
    "precision",
    "recall",
    "density",
    "leakage",
    "corrected share of a class",
    "corrected obedience",
    "rare",
    "MIG",
    "SAP",
)


@pytest.mark.parametrize("name", simulated.KINDS)
def test_an_interval_contains_the_truth_as_often_as_promised(name: str, attempts: int) -> None:
    if attempts == 1 and name not in FEW and any(word in name for word in LONG):
        pytest.skip("takes --attempts")
    times = min(1000, FEW.get(name, 10 if attempts > 1 else 400) * attempts)
    found = simulated.simulate(simulated.KINDS[name], times)
    # As many standard errors as leave a right interval alone; of 400 data sets this is 92%, which 85% does not pass.
    slack = 2.75 * (0.95 * 0.05 / times) ** 0.5
    assert found.missing == 0
    assert found.share >= min(0.92, 0.95 - slack), found
    assert found.share <= 0.99 or times < 400, found
