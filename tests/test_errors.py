"""What is said when something goes wrong."""

import pytest

from simulacra import errors
from simulacra.errors import DataError, Diverged, SimulacraError, Stopped, nearest, one_line


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)}
    drawn = [line for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    assert {line.strip(" ├└─").split()[0] for line in drawn} == {c.__name__ for c in classes}
    below = {line.strip(" ├└─").split()[0] for line in drawn if "─" in line}
    assert below == {c.__name__ for c in classes if c.__base__ is SimulacraError}


def test_a_stop_is_no_mistake_of_the_user() -> None:
    stop = Stopped(15, "stopped at step 3")
    assert not isinstance(stop, SimulacraError)
    assert (stop.signal, str(stop)) == (15, "stopped at step 3")
    assert issubclass(Diverged, SimulacraError)


def test_a_message_is_one_line_whatever_a_file_is_called() -> None:
    assert str(DataError("a\nb.png is empty")) == r"a\nb.png is empty"
    assert one_line("\x1b[31m\t\x85\u2028\udcff") == r"\x1b[31m\t\x85\u2028\udcff"
    assert one_line("Zoë\u3000猫.png") == "Zoë\u3000猫.png"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("optimizer", "did you mean optimizer?"),
        ("xyz", "known: data, optimizer"),
    ],
)
def test_a_misspelt_word_is_helped_with_the_nearest_or_with_all(word: str, said: str) -> None:
    assert nearest(word, ["optimizer", "data"]) == said
