"""Reads a data file: YAML, checked against a model, with errors of one line."""

from collections.abc import Hashable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hashsvc.removal.errors import DataFileError


class DataEntry(BaseModel):
    """Base of every model of a data file: unknown fields are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


Model = TypeVar("Model", bound=DataEntry)


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise DataFileError(f"line {line}: a key stands twice: {key!r:.60}")
        return super().construct_mapping(node, deep)


def read_yaml(text: str, model: type[Model], *, name: str) -> Model:
    """
    Return a data file's content as its model.

    Args:
        name: The file's name, for errors.

    Raises:
        DataFileError: If it is no YAML, or breaks a rule of the model; one line, with the file, the
            entry and the rule.
    """
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, and stricter
    except DataFileError as error:
        raise DataFileError(f"{name}, {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise DataFileError(f"{name}, {where}: this is not YAML") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DataFileError(f"{name}, {_first(error, content)}") from error


def _first(error: ValidationError, content: object) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = problem["loc"]
    rule = problem["msg"].removeprefix("Value error, ")
    # An entry of a list is known by its id, where it has one.
    if len(place) > 1 and isinstance(content, dict) and isinstance(place[1], int):
        entries = content.get(place[0])
        entry = entries[place[1]] if isinstance(entries, list) else None
        known_as = entry.get("id") if isinstance(entry, dict) else None
        where = f"{place[0]} entry {known_as or place[1] + 1}"
        field = ".".join(map(str, place[2:]))
        return f"{where}: {field}: {rule}" if field else f"{where}: {rule}"
    field = ".".join(map(str, place))
    return f"{field}: {rule}" if field else rule
