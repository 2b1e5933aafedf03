"""What a study costs before it is carried out: minutes per run, from a few seconds of training of each recipe."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulacra.recipe import to_table
from simulacra.studies.plan import Plan, PlannedRun
from simulacra.verbs.bench import bench
from simulacra.verbs.study_run import read_outcome

SECONDS = 3.0  # of training that a recipe is timed for


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        run: as it was planned.
        state: of its folder: finished, diverged or missing.
        minutes: of training that are left; measuring is not counted.
    """

    run: PlannedRun
    state: str
    minutes: float

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        row = {"case": self.run.case, "seed": self.run.seed, "run": str(self.run.folder), "state": self.state}
        return row | {"images": self.run.images, "minutes": round(self.minutes, 2)}


def costs(planned: Plan, seconds: float = SECONDS, say: Callable[[str], None] = lambda _: None) -> list[Cost]:
    """The cost of each run of a study; nothing of it is trained.

    Args:
        planned: the study.
        seconds: for which each recipe is timed, on made-up images.
        say: takes lines that a person should read.
    """
    minutes_of: dict[str, float] = {}  # recipe without its seed -> minutes
    rows = []
    for run in planned.trainings:
        state, minutes = read_outcome(run).state, 0.0
        if state == "missing":
            key = json.dumps(to_table(run.recipe) | {"seed": 0, "start": None}, sort_keys=True)
            if key not in minutes_of:
                say(f"timing {run.case}")
                minutes_of[key] = bench(run.recipe, seconds=seconds).seconds_for_recipe / 60
            minutes = minutes_of[key]
        rows.append(Cost(run, state, minutes))
    return rows


def summary(rows: list[Cost], workers: int) -> str:
    """The whole cost in a sentence."""
    missing = [row for row in rows if row.state == "missing"]
    count = max(1, min(workers, len(missing)))
    minutes = sum(row.minutes for row in missing)
    whole, runs = f"{minutes:,.0f}", f"{len(rows)} run{'s' * (len(rows) != 1)}"
    return (
        f"{runs}, {len(rows) - len(missing)} done, {len(missing)} to train: {whole} minute{'s' * (whole != '1')} of "
        f"training, about {minutes / count:,.0f} with {count} at a time; measuring comes on top"
    )
