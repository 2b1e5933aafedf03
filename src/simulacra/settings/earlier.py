"""Recipes that earlier versions wrote into run folders and exports, in the words of this version."""

from typing import Any

RENAMED = {"average": "ema"}  # key of a recipe -> its name today
# Settings that a family had once, and the value that says nothing there: any other value is refused as an unknown key.
GONE: dict[str, dict[str, Any]] = {
    "classifier": {"mixup": 0},
    "gan": {"r1_weight": 0, "r2_weight": 0, "penalty_every": ...},
    "r3gan": {"loss": "relativistic", "real_label": 1, "discriminator_steps": 1, "joint": False},
}


def of_this_version(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a recipe that an earlier version may have written, with the keys and families of this version.

    Family gan had a relativistic loss and gradient penalties, which are the family r3gan today: a relativistic recipe
    becomes a recipe of r3gan. What no family can do any more stays in the table, so that it is refused.
    """
    table = {RENAMED.get(key, key): value for key, value in table.items()}
    objective = table.get("objective")
    if not isinstance(objective, dict):
        return table
    family = objective.get("family")
    if family == "gan" and objective.get("loss") == "relativistic":
        family = "r3gan"
    gone = GONE.get(str(family), {})
    kept = {key: value for key, value in objective.items() if key not in gone or gone[key] not in (value, ...)}
    return table | {"objective": kept | {"family": family}}
