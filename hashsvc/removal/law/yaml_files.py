"""Reads a YAML data file and checks it against a model. An error message is one line."""

from collections.abc import Hashable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hashsvc.removal.errors import DataFileError


class DataEntry(BaseModel):
    """Base class of the data files' models: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


Model = TypeVar("Model", bound=DataEntry)


class _Loader(yaml.SafeLoader):
    """Loads plain values only, and refuses a repeated key, which YAML would silently override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise DataFileError(f"line {line}: this key is repeated: {key!r:.60}")
        return super().construct_mapping(node, deep)


def read_yaml(text: str, model: type[Model], *, name: str) -> Model:
    """
    Return the content of a data file as an instance of its model.

    Args:
        name: The file's name, for error messages.

    Raises:
        DataFileError: If the text is not YAML or breaks a rule of the model. The message is one
            line that names the file, the entry and the rule.
    """
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a stricter SafeLoader
    except DataFileError as error:
        raise DataFileError(f"{name}, {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise DataFileError(f"{name}, {where}: this is not YAML") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DataFileError(f"{name}, {_first_problem(error, content)}") from error


def _first_problem(error: ValidationError, content: object) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = problem["loc"]
    rule = problem["msg"].removeprefix("Value error, ")
    # Name a list entry by its id, or by its position if it has no id.
    if len(place) > 1 and isinstance(content, dict) and isinstance(place[1], int):
        entries = content.get(place[0])
        entry = entries[place[1]] if isinstance(entries, list) else None
        entry_id = entry.get("id") if isinstance(entry, dict) else None
        where = f"{place[0]} entry {entry_id or place[1] + 1}"
        field = ".".join(map(str, place[2:]))
        return f"{where}: {field}: {rule}" if field else f"{where}: {rule}"
    field = ".".join(map(str, place))
    return f"{field}: {rule}" if field else rule
