"""Values of a study: what its measures are in the files of its runs, per case and seed."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.measurements import Measurement
from simulacra.runs import RunFolder
from simulacra.studies.file import Measure
from simulacra.studies.plan import HELD_OUT, MEASURED, PlannedRun, window

Numbers = NDArray[np.float64]


class Files:
    """The rows of a finished run, each file read once and when it is needed.

    Args:
        run: that has finished.
    """

    def __init__(self, run: PlannedRun) -> None:
        self.run, self.folder = run, RunFolder(run.folder)

    @cached_property
    def points(self) -> Mapping[str, int]:
        """The step of each point; of a training that its minutes ended, the last step."""
        if self.run.recipe.minutes is None:
            return self.run.points
        return dict.fromkeys(self.run.points, int(self.facts["step"]))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What run.json says."""
        return self.folder.read_facts()

    @cached_property
    def measurements(self) -> list[Measurement]:
        """Rows of evaluations.jsonl."""
        return self.folder.measurements()

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """Rows of metrics.jsonl."""
        return self.folder.rows("metrics")

    def value(self, measure: Measure, index: int) -> float:
        """The number of a measure at one of its points; NaN where the run has none."""
        if measure.curve is not None:
            value = self._mean(measure.curve, measure, index)
            if isinstance(measure.minus, str):
                return value - self._mean(measure.minus, measure, index)
        else:
            label = measure.labels[0] if measure.labels else None
            values = [row.estimate.value for row in self.rows(measure, index) if row.estimate and row.label == label]
            value = values[-1] if values else float("nan")
        return value - (measure.minus if isinstance(measure.minus, int | float) else 0.0)

    def rows(self, measure: Measure, index: int) -> list[Measurement]:
        """Rows of a metric at a point: of the split that is asked for, about the data that the run was trained on."""
        step, split = self.points[measure.at[index]], measure.split
        if split is None and measure.metric in HELD_OUT:
            split = "test"
        extractors = self.extractors(step)
        return [
            row
            for row in self.measurements
            if (row.metric, row.step, row.against) == (measure.metric, step, None) and split in (None, row.split)
            if row.extractor is None or not extractors or row.extractor in extractors
        ]

    def extractors(self, step: int) -> set[str]:
        """What the study measured distances with at a step; a person may have taken others besides."""
        how = self.facts.get(MEASURED, {})
        names = {*self.run.points.values(), step}
        of_groups = [how.get(f"{group} {name}", {}) for group in self.run.groups for name in names]
        return {extractor for of_group in of_groups for extractor in of_group.get("extractors", [])}

    def scores(self, measure: Measure) -> dict[str, float]:
        """For a ranking: label -> the most that any part of the code says about it."""
        best: dict[str, float] = {}
        for row in self.rows(measure, 0):
            if row.label is not None and row.estimate is not None:
                best[row.label] = max(best.get(row.label, -np.inf), row.estimate.value)
        return best

    def _mean(self, curve: str, measure: Measure, index: int) -> float:
        first, last = window(measure, self.points, index)
        values = [row[curve] for row in self.metrics if curve in row and first < row["step"] <= last]
        return float(np.mean(values)) if values else float("nan")


def lead(measure: Measure, scores: Mapping[str, float]) -> Numbers | None:
    """The best score of the labels that a ranking names, and of the others: (2,); None where one is missing."""
    named = [score for label, score in scores.items() if label in measure.labels]
    others = [score for label, score in scores.items() if label not in measure.labels]
    return np.array([max(named), max(others)]) if named and others else None
