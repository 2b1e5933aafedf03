"""Sentences for what pydantic says of a recipe that is not allowed."""

from collections.abc import Iterable
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from simulacra.errors import nearest
from simulacra.settings import RENAMED


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong with a recipe, in one sentence that names the key, the value and the remedy.

    Args:
        error: what pydantic says.
        model: of the whole recipe.
    """
    errors = error.errors(include_url=False)
    # A key that is missing may well be the one that was misspelt.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    models, path = _descend(model, first["loc"])
    key, value = ".".join(path).replace("optimizer.players.", "optimizer.") or "recipe", first["input"]
    if first["type"] == "extra_forbidden":
        names = {name for model in models for name in model.model_fields}
        remedy = f"it is called {RENAMED[key]} now" if key in RENAMED else nearest(path[-1], names)
        return f"unknown key {key}; {remedy}"
    if first["type"] == "missing":
        return f"{key} is missing; add it"
    if first["type"] == "value_error":
        where = "" if not path else f"{key}: " if isinstance(value, dict) else f"{key} = {value!r}: "
        return f"{where}{first['ctx']['error']}"
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tag = first["ctx"]["discriminator"].strip("'")
        expected = first["ctx"].get("expected_tags", "").replace("'", "")
        name = value.get(tag) if isinstance(value, dict) else value
        return f"{key}.{tag} is {name!r}; expected one of {expected}" if expected else f"{key}.{tag} is missing; add it"
    if first["type"] == "tuple_type":
        like = '["Smiling", "Male"]' if isinstance(value, str) else "[64, 128]"
        quotes = " with its words in quotes" if str(value).startswith("[") else ""
        return f"{key} = {value!r}: expected a list{quotes}, like {like}"
    return f"{key} = {value!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _descend(recipe: type[BaseModel], location: tuple[int | str, ...]) -> tuple[list[type[BaseModel]], list[str]]:
    """The models that an error may be about, and its path without the tags of unions."""
    models = [recipe]
    path: list[str] = []
    names = True  # whether what comes next may be a key: of a model, or of a table of numbers or words
    for part in location:
        tagged = [model for model in models if part in _tags(model)]
        if tagged:
            models = tagged
            continue
        if not (names or isinstance(part, int)):
            continue
        path.append(str(part))
        fields = [model.model_fields[str(part)].annotation for model in models if str(part) in model.model_fields]
        if fields:
            models = [model for annotation in fields for model in _models(annotation)]
            names = bool(models) or any(get_origin(annotation) is dict for annotation in fields)
    return models, path


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    """Every model in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, dict, tuple) or get_args(annotation):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """The tags of a model in a union: the values of its `family` or `kind`."""
    field = model.model_fields.get("family") or model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()
