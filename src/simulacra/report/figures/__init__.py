"""Arrays -> figures, one kind a file. Nothing here knows of runs, pages or files."""

from simulacra.report.figures.bars import heat_map, share_pairs, sorted_bars
from simulacra.report.figures.curves import Line, curves
from simulacra.report.figures.grids import picture_rows
from simulacra.report.figures.maps import code_map, label_maps

__all__ = [
    "Line",
    "code_map",
    "curves",
    "heat_map",
    "label_maps",
    "picture_rows",
    "share_pairs",
    "sorted_bars",
]
