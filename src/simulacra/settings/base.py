"""The common ground of all settings."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen table of a recipe that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
