"""What is wrong or odd in a data set, before anyone trains on it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.data.duplicates import Scan, near_pairs, scan
from simulacra.data.findings import Table, audit_tables, findings
from simulacra.data.store import SPLITS, ImageStore

__all__ = ["Table", "audit", "audit_tables", "findings"]

EXAMPLES = 5
# Pearson correlations of labels are listed from here on, the strongest first.
CORRELATED, LISTED = 0.1, 100

Rows = NDArray[np.int64]


def audit(store: ImageStore) -> dict[str, Any]:
    """Looks at every image and label of a store.

    Args:
        store: a packed store; its images are read once, block by block.

    Returns:
        JSON values: images, height, width, channels, splits, original, left_out, odd, constant, duplicates, labels,
        exclusive, correlations, and findings in plain words.
    """
    found = scan(store.images)
    height, width, channels = store.shape
    report: dict[str, Any] = {
        "path": str(store.path),
        "title": store.card.get("title"),
        "source": store.card.get("source"),
        "licence": store.card.get("licence"),
        "fingerprint": store.fingerprint,
        "images": len(store.images),
        "height": height,
        "width": width,
        "channels": channels,
        "splits": {split: len(store.rows(split)) for split in SPLITS},
        "original": store.card.get("original"),
        "left_out": store.card.get("left_out", []),
        "odd": store.card.get("odd", {}),
        "constant": _counted(store, np.flatnonzero(found.constant)),
        "duplicates": _duplicates(store, found),
        "exclusive": store.exclusive,
        "labels": _frequencies(store),
        "correlations": [] if store.exclusive else _correlations(store),
    }
    return {**report, "findings": findings(report)}


def _duplicates(store: ImageStore, found: Scan) -> dict[str, Any]:
    """Copies and near copies, and those of them that lie in different splits, with examples."""
    copies = np.flatnonzero(found.first != np.arange(len(found.first)))
    exact = np.stack([found.first[copies], copies], axis=1)
    near = near_pairs(store.images, found)
    return {
        "exact": {
            "images": len(exact),
            "groups": len(np.unique(exact[:, 0])),
            **_pairs(store, exact),
        },
        "near": {"images": len(np.unique(near)), **_pairs(store, near)},
    }


def _pairs(store: ImageStore, pairs: Rows) -> dict[str, Any]:
    crossing = pairs[store.split[pairs[:, 0]] != store.split[pairs[:, 1]]]
    return {
        "pairs": len(pairs),
        "across_splits": len(crossing),
        "examples": _named(store, pairs),
        "examples_across_splits": _named(store, crossing),
    }


def _named(store: ImageStore, pairs: Rows) -> list[list[str]]:
    return [[store.names[one], store.names[other]] for one, other in pairs[:EXAMPLES].tolist()]


def _counted(store: ImageStore, rows: Rows) -> dict[str, Any]:
    return {"images": len(rows), "examples": [store.names[row] for row in rows[:EXAMPLES].tolist()]}


def _frequencies(store: ImageStore) -> list[dict[str, Any]]:
    """How often each label is 1: in all, and as a share of all and of each split that is not empty."""
    parts = {split: store.labels[rows] for split in SPLITS if len(rows := store.rows(split))}
    return [
        {
            "name": name,
            "count": int(store.labels[:, column].sum()),
            "share": round(float(store.labels[:, column].mean()), 4),
            **{split: round(float(labels[:, column].mean()), 4) for split, labels in parts.items()},
        }
        for column, name in enumerate(store.label_names)
    ]


def _correlations(store: ImageStore) -> list[dict[str, Any]]:
    """Pairs of labels that go together, or shut one another out; r is Pearson's."""
    varied = np.flatnonzero(store.labels.std(axis=0) > 0)
    if len(varied) < 2:
        return []
    matrix = np.atleast_2d(np.corrcoef(store.labels[:, varied], rowvar=False, dtype=np.float32))
    left, right = np.triu_indices(len(varied), k=1)
    strength = matrix[left, right]
    order = np.argsort(-np.abs(strength), kind="stable")
    listed = [at for at in order[:LISTED].tolist() if abs(strength[at]) >= CORRELATED]
    names = [store.label_names[column] for column in varied.tolist()]
    return [{"a": names[left[at]], "b": names[right[at]], "r": round(float(strength[at]), 3)} for at in listed]
