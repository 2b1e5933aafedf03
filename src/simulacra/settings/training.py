"""What a recipe says of data, optimizers and rhythm, whatever the family."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from simulacra.settings import Settings

Beta = Annotated[float, Field(ge=0, lt=1)]
Schedule = Literal["constant", "linear", "cosine"]
# What a checkpoint may be chosen by.
Metric = Literal["kernel_distance", "frechet_distance", "mse_plus_kl", "mse", "loss", "accuracy", "label_accuracy"]


class SourceSettings(Settings):
    """What the images of a run were packed from, so that its recipe trains on them again.

    Args:
        path: the whole path of a store or of pictures, or the name of a known data set.
        options: what was asked of it, like crop or labels; as the Python API takes them.
    """

    path: Annotated[str, Field(min_length=1)]
    options: dict[str, str | bool | int | list[str]] = Field(default_factory=dict)


class DataSettings(Settings):
    """What the images are and how they come.

    Args:
        name: the data set that the recipe was written for: celeba, fashion-mnist, avatars, or any other word.
        size: of the images, one number for a square or "WIDTHxHEIGHT".
        channels: 1 for grey, 3 for RGB.
        batch: images per update, over all processes.
        flip: whether each training image is mirrored with probability 1/2.
        labels: names of the labels that condition the family, or "all" of the data set's.
        exclusive: whether an image has exactly one of these labels (classes) or any number (attributes).
        holdout: how many training images, drawn by the seed, this run holds out: they join the split "valid", so that
            settings can be chosen without the test images if the data set has no valid images.
        source: where the images are, in the recipe of a run; without it and without --data, the data set of that name.
        order: of the images of an epoch: "shuffled", or "block-shuffled", which reads long pieces of the file and mixes
            images within a window; "auto" takes the latter where training images exceed half of the machine's memory.
    """

    name: str
    size: PositiveInt | str
    channels: Literal[1, 3] = 3
    batch: PositiveInt = 128
    flip: bool = False
    labels: tuple[str, ...] | Literal["all"] = ()
    exclusive: bool = False
    holdout: NonNegativeInt = 0
    order: Literal["auto", "shuffled", "block-shuffled"] = "auto"
    source: SourceSettings | None = None

    @field_validator("size")
    @classmethod
    def _readable(cls, size: int | str) -> int | str:
        if isinstance(size, str) and not re.fullmatch(r"[1-9]\d*x[1-9]\d*", size):
            raise ValueError("a size is one number or WIDTHxHEIGHT, like 64 or 96x64")
        return size

    @field_validator("labels")
    @classmethod
    def _once_each(cls, labels: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if isinstance(labels, tuple) and len(set(labels)) < len(labels):
            raise ValueError("a label is named twice; name each label once")
        return labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        if isinstance(self.size, int):
            return self.size, self.size, self.channels
        width, height = map(int, self.size.split("x"))
        return height, width, self.channels


class PlayerSettings(Settings):
    """An optimizer's numbers where one player differs from the rest; None takes the common value."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] | None = None
    lr: PositiveFloat | None = None
    betas: tuple[Beta, Beta] | None = None
    momentum: Beta | None = None
    weight_decay: NonNegativeFloat | None = None
    schedule: Schedule | None = None
    warmup: NonNegativeInt | None = None


# Key -> the algorithms that know it, of those that not all know.
KNOWN_TO = {"betas": ("adam", "adamw"), "momentum": ("sgd", "rmsprop")}


class OptimizerSettings(Settings):
    """The optimizers: one per player, alike unless `[optimizer.PLAYER]` says otherwise.

    Args:
        name: the algorithm.
        lr: learning rate.
        betas: decay of Adam's two averages.
        momentum: of sgd and rmsprop.
        weight_decay: how much of each weight is taken off, times the learning rate (adamw), or joins its gradient.
        schedule: the learning rate stays (`constant`), or falls to 0 at the recipe's last step, along a straight line
            (`linear`) or half a cosine wave (`cosine`, Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5).
        warmup: updates in which the learning rate first rises from near 0 along a straight line (Goyal et al. 2017,
            arXiv:1706.02677, section 2.2).
        players: player -> what differs; written as `[optimizer.generator]` in a recipe.
    """

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    lr: PositiveFloat = 2e-4
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    momentum: Beta = 0.0
    weight_decay: NonNegativeFloat = 0.0
    schedule: Schedule = "constant"
    warmup: NonNegativeInt = 0
    players: dict[str, PlayerSettings] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_players(cls, table: Any) -> Any:
        """`[optimizer.generator]` is a table inside [optimizer]: tables are players, everything else is a number."""
        if not isinstance(table, dict) or "players" in table:
            return table
        tables = {key: value for key, value in table.items() if isinstance(value, dict)}
        return {key: value for key, value in table.items() if key not in tables} | {"players": tables}

    @model_validator(mode="after")
    def _every_number_is_used(self) -> "OptimizerSettings":
        """Each key must be used: a common key by at least one player, a player's own key by its algorithm."""
        for key, names in KNOWN_TO.items():
            for player, own in self.players.items():
                if (own.name or self.name) not in names:
                    own.refuse_idle(key, f'name = "{own.name or self.name}"', f"{player}.")
            if {self.name, *(own.name for own in self.players.values())}.isdisjoint(names):
                self.refuse_idle(key, f'name = "{self.name}"')
        return self

    def of(self, player: str) -> "OptimizerSettings":
        """The numbers of one player's optimizer."""
        differs = self.players.get(player, PlayerSettings()).model_dump(exclude_none=True)
        return self.model_copy(update={"players": {}} | differs)


class StartSettings(Settings):
    """The run whose weights some networks begin with; it may be of any family.

    Args:
        run: its folder, relative to the current folder.
        networks: network of this recipe -> network of that run; every name that both have by default.
        frozen: networks of this recipe that keep these weights: no optimizer moves them, their batch norm
            uses the statistics that came with them, and their dropout is off.
        step: of one of that run's checkpoints; the newest by default.
    """

    run: Annotated[str, Field(min_length=1)]
    networks: dict[str, str] = Field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    step: NonNegativeInt | None = None


class EverySettings(Settings):
    """The rhythm of a run, in updates.

    Args:
        log: a row of means is written every so many updates.
        checkpoint: the state is saved, and a snapshot is taken, every so many updates and at the last one.
        keep: how many checkpoints stay on disk; 0 keeps all.
        epochs: the fixed codes are drawn, besides at every checkpoint, when these epochs are full.
        evaluate: splits that are measured at every checkpoint. These numbers choose nothing: "test" among
            them gives a curve only. The test split is measured at the end in any case.
        limit: images of a split that are measured at a checkpoint, the same ones each time; of "test" always all.
        score: every so many updates, a multiple of `checkpoint`, the checkpoint is scored on images of the split
            "valid", and the best one so far is marked and kept; 0 never does.
        select: the metric that decides; the default depends on what the family can do, see docs/training.md.
    """

    log: PositiveInt = 100
    checkpoint: PositiveInt = 1000
    keep: NonNegativeInt = 2
    epochs: tuple[PositiveInt, ...] = (1, 5, 10, 50, 100)
    evaluate: tuple[Literal["train", "valid", "test"], ...] = ("valid",)
    limit: PositiveInt = 2000
    score: NonNegativeInt = 0
    select: Metric | None = None

    @model_validator(mode="after")
    def _a_checkpoint_is_there_to_score(self) -> "EverySettings":
        if self.score % self.checkpoint:
            raise ValueError(
                f"every.score = {self.score} is no multiple of every.checkpoint = {self.checkpoint}, so there would be "
                f"no checkpoint to score; set every.score = {self.checkpoint}"
            )
        return self


class ExpectSettings(Settings):
    """What must come out when the networks are built, or the recipe is refused.

    Args:
        parameters: player -> how many numbers it moves.
        layers: network -> parameters of each of its layers that has any, in order.
    """

    parameters: dict[str, PositiveInt] = Field(default_factory=dict)
    layers: dict[str, tuple[PositiveInt, ...]] = Field(default_factory=dict)
