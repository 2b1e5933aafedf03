"""Results as tables of texts: printed, shown in a notebook, written for a paper, and with rows for scripts."""

import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

NUMERIC = re.compile(r"([-−+]?\d|[–—]?$)")  # how a cell with a number begins; an empty cell or a dash is none
GAP = 3  # letters between two columns of a table, and at its edges
# What LaTeX reads as commands, and letters that only some of its fonts have, and how they are written.
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "{}$&#_%"},
    **{"↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$", "–": "--", "…": r"\ldots{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"},
}
NUMBER = re.compile(r"(?<![\w.-])(-?[\d,]+(?:\.\d+)?)(?:e(-?\d+))?(?![\w.-])")
MARKDOWN = re.compile(r"([\\|`*_<>\[\]])")


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        title: above the table; may be empty.
        columns: names of the columns.
        rows: a cell per column.
        notes: sentences below the table.
        gives_way: columns that are left out where a terminal is too narrow, the first one first.
        words: columns of words, which may be broken between words; numbers and names are never broken.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = ()
    gives_way: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()

    def fitting(self, width: int) -> "Table":
        """This table without empty columns, and without as many that give way as a terminal of that width asks for."""
        table = self
        for column in self.columns:
            if not any(row[self.columns.index(column)] for row in self.rows):
                table = table.without(column)
        for column in self.gives_way:
            if table.width <= width:
                break
            table = table.without(column)
        return table

    def without(self, column: str) -> "Table":
        """This table without a column."""
        kept = [index for index, name in enumerate(self.columns) if name != column]
        rows = [tuple(row[index] for index in kept) for row in self.rows]
        return replace(self, columns=tuple(self.columns[index] for index in kept), rows=rows)

    @property
    def width(self) -> int:
        """Letters of the widest line, where columns of words are broken at every word."""
        return GAP + sum(max(map(len, parts)) + GAP for parts in self.parts())

    def parts(self) -> Iterator[list[str]]:
        """What may not be broken in each column: a word in a column of words, else a cell."""
        for name, *cells in zip(self.columns, *self.rows, strict=True):
            yield [part for cell in (name, *cells) for part in (cell.split() if name in self.words else [cell]) or [""]]

    def to_html(self) -> str:
        """The table as HTML without scripts and colours of its own; every text is escaped."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.columns)
        # A notebook aligns all cells at the right, which suits numbers alone, and breaks them, which suits words alone.
        numbers = [all(map(NUMERIC.match, column)) for column in columns]
        styles = ["white-space:nowrap" if whole else "text-align:left" for whole in numbers]

        def line(tag: str, cells: Sequence[str]) -> str:
            pairs = zip(styles, map(escape, cells), strict=True)
            parts = [f'<{tag} style="{style}">{cell}</{tag}>' for style, cell in pairs]
            return f"<tr>{''.join(parts)}</tr>"

        head, body = line("th", self.columns), "".join(line("td", row) for row in self.rows)
        title = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"
        return f"{table}<ul>{notes}</ul>" if notes else table

    def to_markdown(self) -> str:
        """The table as Markdown that GitHub and Pandoc read, with the notes as a list below."""
        rows = [tuple(map(_as_markdown, row)) for row in (self.columns, *self.rows)]
        rows.insert(1, ("---",) * len(self.columns))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        notes = [f"- {_as_markdown(note)}" for note in self.notes]
        return "\n".join([*lines, *([""] if notes else []), *notes, ""])

    def to_latex(self) -> str:
        """The table as a LaTeX tabular with the lines of the package booktabs; the notes are comments above it."""

        def line(cells: Sequence[str]) -> str:
            return f"  {' & '.join(map(latex, cells))} \\\\\n"

        notes = "".join(f"% {note}\n" for note in (r"\usepackage{booktabs}", *self.notes))
        begin = f"\\begin{{tabular}}{{@{{}}{'l' * len(self.columns)}@{{}}}}\n  \\toprule\n"
        body = "".join(map(line, self.rows))
        return f"{notes}{begin}{line(self.columns)}  \\midrule\n{body}  \\bottomrule\n\\end{{tabular}}\n"


def latex(text: str) -> str:
    """A text as LaTeX, in which nothing is a command; numbers below 0 and with an exponent are formulas."""
    parts, end = [], 0
    for found in NUMBER.finditer(text):
        digits, exponent = found.groups()
        if exponent is None and not digits.startswith("-"):
            continue
        power = rf" \times 10^{{{exponent}}}" if exponent else ""
        parts += [_escaped(text[end : found.start()]), f"${digits.replace(',', '{,}')}{power}$"]
        end = found.end()
    return "".join([*parts, _escaped(text[end:])])


def _as_markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text)


def _escaped(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of values with the same keys as CSV, a head first; empty where there is no value."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def frame(rows: list[dict[str, Any]]) -> Any:
    """Rows as a pandas DataFrame where pandas is installed, else as they are."""
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows)


class Tabular(ABC):
    """A result that is printed and shown as a table."""

    @abstractmethod
    def to_table(self) -> Table:
        """What is printed and shown."""

    @property
    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """The values, for scripts."""

    def table(self) -> Any:
        """The rows as a pandas DataFrame where pandas is installed, else as a list of dicts."""
        return frame(self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.to_table().to_html()

    def __repr__(self) -> str:
        """The size of the table and its title, where no notebook shows it."""
        table = self.to_table()
        title = f": {table.title}" if table.title else ""
        return f"<{type(self).__name__}, {len(table.rows)} rows{title}; .rows and .table() give the values>"


class Rows(Tabular):
    """Rows of values, each with the same keys.

    Args:
        title: what they are.
        rows: key -> value.
    """

    def __init__(self, title: str, rows: Sequence[dict[str, Any]]) -> None:
        self.title, self._rows = title, list(rows)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The values, for scripts."""
        return self._rows

    def to_table(self) -> Table:
        """The values as texts; a list as its parts."""
        columns = tuple(self._rows[0]) if self._rows else ("nothing found",)
        return Table(self.title, columns, [tuple(map(_text, row.values())) for row in self._rows])

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]


def _text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
