"""Field types that several schemas share, and the base of all request bodies."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints, model_validator

from hashsvc.spreadsheets import Dialect

_MOST_UNKNOWN_FIELDS = 20
_Item = TypeVar("_Item")
LongList = Annotated[list[_Item], FailFast()]
"""A list of which only the first wrong item is named."""
OpaqueId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Field(description="A random id, 32 hexadecimal digits.", examples=["0f" * 16]),
]
CaseNumber = Annotated[str, Field(description="A case's number.", examples=["7K3M-X9QD-5"])]
Quality = Annotated[
    int,
    Field(
        ge=0,
        le=100,
        description="PDQ's measure of detail. Below 50, an image is too plain to match.",
    ),
]
Evidence = Annotated[
    dict[str, Any],
    Field(
        description="The tier, the reason in a sentence, and the distances that are within the "
        "threshold, by algorithm and view. It holds no signal."
    ),
]
Limit = Annotated[int, Field(ge=1, le=1000, description="Largest number of items to list.")]
CsvDialect = Annotated[
    Dialect,
    Field(description="For CSV: `excel` has semicolons, decimal commas and a byte order mark."),
]
SignalText = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+[0-9]+:[0-9a-f]{16,64}$"),
    Field(description="A signal as text: `algorithm:hex`.", examples=["phash1:9f172786e71f1e00"]),
]


class Body(BaseModel):
    """
    A request body, or an object in one. Unknown fields are refused; none is silently ignored.

    Pydantic makes an error for each unknown field and each wrong item. 140,000 of them once stopped
    the service for seconds. So `_has_few_fields` refuses an object with far too many fields, and
    long lists are a `LongList`, which ends at the first wrong item.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: object) -> object:
        most = len(cls.model_fields) + _MOST_UNKNOWN_FIELDS
        if isinstance(value, dict) and len(value) > most:
            raise ValueError(f"This object has at most {len(cls.model_fields)} fields.")
        return value
