"""The common ground of all settings."""

import json

from pydantic import BaseModel, ConfigDict, model_validator

LARGEST = 3e38  # of float32


class Settings(BaseModel):
    """A frozen table of a recipe that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _numbers_fit_a_network(self) -> "Settings":
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, float) and abs(value) > LARGEST:
                raise ValueError(f"{key} = {value:g} is larger than a network's numbers, which end at {LARGEST:.0e}")
        return self

    def refuse_idle(self, key: str, beside: str, prefix: str = "") -> None:
        """Refuses a key that does nothing; its default is allowed, as the resolved recipe of a run states it.

        Args:
            key: of this table.
            beside: what the table says that leaves the key without effect, like 'lipschitz = "penalty"'.
            prefix: of the key in the sentence, like "generator.".

        Raises:
            ValueError: the key has another value than its default.
        """
        value, default = getattr(self, key), type(self).model_fields[key].default
        if value != default:
            remedy = "leave it out" if default is None else f"leave it at {json.dumps(default)}"
            raise ValueError(f"{prefix}{key} = {json.dumps(value)} does nothing beside {beside}; {remedy}")
