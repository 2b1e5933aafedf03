"""What a study costs before it is carried out."""

from collections.abc import Callable
from pathlib import Path

from simulacra.verbs.study import cost, prepare
from simulacra.verbs.study_cost import Cost, summary

MakeStudy = Callable[..., Path]


def test_the_cost_is_known_before_anything_is_trained(study_file: MakeStudy, tmp_path: Path) -> None:
    costs = cost(str(study_file()), out=tmp_path / "studies", seconds=0.01)
    assert [row.state for row in costs.rows] == ["missing"] * 4
    assert all(row.minutes > 0 for row in costs.rows)
    assert "4 to train" in costs.summary
    assert not (tmp_path / "studies").exists()


def test_a_cost_of_one_is_singular(study_file: MakeStudy, tmp_path: Path) -> None:
    (run, other, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    assert summary([Cost(run, "missing", 1.2)], 1).startswith(
        "1 run, 0 done, 1 to train: 1 minute of training, about 1"
    )
    both = [Cost(run, "missing", 1.2), Cost(other, "finished", 0.0)]
    assert summary(both, 1).startswith("2 runs, 1 done, 1 to train: 1 minute of")
    assert ": 3 minutes of" in summary([Cost(run, "missing", 2.6)], 1)
