"""Recipes that earlier versions wrote into run folders and exports, in the words of this version."""

from typing import Any

RENAMED = {"average": "ema"}  # key of a recipe -> its name today
PENALTIES = {"r1_weight", "r2_weight", "penalty_every"}  # settings of family gan that only r3gan has today
GAN_ALONE = {"loss", "real_label", "discriminator_steps", "joint"}  # settings of family gan that r3gan lacks


def of_this_version(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a recipe that an earlier version may have written, with the keys and families of this version.

    Family gan had a relativistic loss and gradient penalties, which are the family r3gan today: a relativistic recipe
    becomes a recipe of r3gan. Penalties beside another loss, and mixup of a classifier, have no place any more.
    """
    table = {RENAMED.get(key, key): value for key, value in table.items()}
    objective = table.get("objective")
    if not isinstance(objective, dict):
        return table
    family, dropped = objective.get("family"), set[str]()
    if family == "classifier":
        dropped = {"mixup"}
    elif family == "gan" and objective.get("loss") == "relativistic":
        family, dropped = "r3gan", GAN_ALONE
    elif family == "gan":
        dropped = PENALTIES
    kept = {key: value for key, value in objective.items() if key not in dropped}
    return table | {"objective": kept | {"family": family}}
