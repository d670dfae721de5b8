"""Field types that several schemas share, and the base of all request bodies."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hashsvc.spreadsheets import Dialect

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
    """A request body. Unknown fields are refused, so that none is silently ignored."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
