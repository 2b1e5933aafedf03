"""The common ground of all settings."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import BaseModel, ConfigDict, model_validator

LARGEST = 3e38  # of float32
_EARLIER = ContextVar("earlier", default=False)


@contextmanager
def as_earlier() -> Iterator[None]:
    """While it is open, a key that does nothing gets its default and is not refused: earlier versions took some."""
    token = _EARLIER.set(True)
    try:
        yield
    finally:
        _EARLIER.reset(token)


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

    def refuse_idle(self, key: str, beside: str, prefix: str = "", remedy: str | None = None) -> None:
        """Refuses a key that does nothing; its default is allowed, as the resolved recipe of a run states it.

        Args:
            key: of this table.
            beside: what the table says that leaves the key without effect, like 'lipschitz = "penalty"'.
            prefix: of the key in the sentence, like "generator.".
            remedy: what to do; to leave it at its default, unless another is given.

        Raises:
            ValueError: the key has another value than its default.
        """
        value, default = getattr(self, key), type(self).model_fields[key].get_default(call_default_factory=True)
        if value == default:
            return
        if _EARLIER.get():
            self.__dict__[key] = default  # the table is being read, and nobody has seen it yet
            return
        remedy = remedy or ("leave it out" if default is None else f"leave it at {json.dumps(default)}")
        raise ValueError(f"{prefix}{key} = {json.dumps(value)} does nothing beside {beside}; {remedy}")
