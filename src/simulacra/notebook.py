"""What a notebook shows of a result: a table in HTML, a short text elsewhere, and rows for further computations."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """A table of texts, as the command line prints it too.

    Attributes:
        title: above the table; may be empty.
        columns: names of the columns.
        rows: a cell per column.
        notes: sentences below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = ()

    def to_html(self) -> str:
        """The table as HTML without scripts or styles of its own; every text is escaped."""
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        title = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" + (
            f"<ul>{notes}</ul>" if notes else ""
        )


class Shown(ABC):
    """A result that a notebook shows as a table."""

    @property
    @abstractmethod
    def sheet(self) -> Sheet:
        """What is shown."""

    @property
    @abstractmethod
    def rows(self) -> list[Row]:
        """The values, one row each, for scripts."""

    def table(self) -> Any:
        """The rows as a pandas DataFrame where pandas is installed, else as a list of dicts."""
        if find_spec("pandas") is None:
            return self.rows
        import pandas

        return pandas.DataFrame(self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.sheet.to_html()

    def __repr__(self) -> str:
        """The size of the table and its title, where no notebook shows it."""
        sheet = self.sheet
        title = f": {sheet.title}" if sheet.title else ""
        return f"<{type(self).__name__}, {len(sheet.rows)} rows{title}; .rows and .table() give the values>"
