"""What all bodies have in common: kinds of fields, and the refusal of unknown ones."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

OpaqueId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Field(description="A random id, 32 hexadecimal digits.", examples=["0f" * 16]),
]
CaseNumber = Annotated[str, Field(description="A case's number.", examples=["7K3M-X9QD-5"])]
Quality = Annotated[
    int,
    Field(ge=0, le=100, description="PDQ's measure of detail; below 50 an image is too plain."),
]
Evidence = Annotated[
    dict[str, Any],
    Field(
        description="The tier, why, and the distance of each algorithm and view that is within its "
        "threshold; no signal."
    ),
]
Limit = Annotated[int, Field(ge=1, le=1000, description="Most that are listed.")]
SignalText = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+[0-9]+:[0-9a-f]{16,64}$"),
    Field(description="A signal's text, `algorithm:hex`.", examples=["phash1:9f172786e71f1e00"]),
]


class Body(BaseModel):
    """A request's body: unknown fields are refused, so that nothing is taken unseen."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
