"""Quality: what is said of features that see nothing in the samples."""

import pytest

from simulacra.estimates import Estimate
from simulacra.evaluation.metrics.quality import NEIGHBOURS, sees_nothing
from simulacra.measurements import Measurement


@pytest.mark.parametrize(
    ("precision", "recall", "real", "nothing"),
    [(0.0, 0.0, 0.7, True), (0.0, 0.2, 0.7, False), (0.6, 0.0, 0.7, False), (0.0, 0.0, 0.0, False)],
)
def test_features_see_nothing_where_no_share_is_above_0_and_real_images_have_more(
    precision, recall, real, nothing
) -> None:
    values = dict.fromkeys(NEIGHBOURS, 0.0) | {"precision": precision, "recall": recall}
    rows = [Measurement(metric=name, estimate=Estimate(value), baseline=real) for name, value in values.items()]
    assert sees_nothing(rows) == nothing


def test_features_are_not_blamed_for_what_was_not_measured() -> None:
    assert not sees_nothing([])
    assert not sees_nothing([Measurement(metric="recall", estimate=None, why="too few images")])
