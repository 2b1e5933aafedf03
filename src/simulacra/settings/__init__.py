"""What a recipe may say, as frozen pydantic models: no torch here, so that a typo costs no import."""

from simulacra.settings.base import Settings
from simulacra.settings.networks import NetworkSettings
from simulacra.settings.objectives import CodeSettings, ObjectiveSettings, with_new_families
from simulacra.settings.training import (
    DataSettings,
    EverySettings,
    ExpectSettings,
    OptimizerSettings,
    StartSettings,
)

__all__ = [
    "CodeSettings",
    "DataSettings",
    "EverySettings",
    "ExpectSettings",
    "NetworkSettings",
    "ObjectiveSettings",
    "OptimizerSettings",
    "Settings",
    "StartSettings",
    "with_new_families",
]
