"""What a recipe may say, as frozen pydantic models: no torch here, so that a typo costs no import."""

from simulacra.settings.base import Settings
from simulacra.settings.earlier import RENAMED, of_this_version
from simulacra.settings.networks import NetworkSettings
from simulacra.settings.objectives import CodeSettings, ObjectiveSettings
from simulacra.settings.training import (
    DataSettings,
    EverySettings,
    ExpectSettings,
    OptimizerSettings,
    SourceSettings,
    StartSettings,
)

__all__ = [
    "RENAMED",
    "CodeSettings",
    "DataSettings",
    "EverySettings",
    "ExpectSettings",
    "NetworkSettings",
    "ObjectiveSettings",
    "OptimizerSettings",
    "Settings",
    "SourceSettings",
    "StartSettings",
    "of_this_version",
]
