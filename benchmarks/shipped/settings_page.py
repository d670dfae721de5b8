"""
Prints docs/settings.md, made from the descriptions in hashsvc/settings.py.

    python -m benchmarks.shipped.settings_page > docs/settings.md
"""

import sys
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from hashsvc.settings import Settings

# The headings of the page, in order, each with the beginnings of its settings' names. A setting
# comes under the first heading that lists a beginning of its name.
TOPICS = (
    ("Data and database", ("data_dir", "database_", "purge_", "engine")),
    ("The key-encryption key", ("key_encryption_",)),
    ("How long data is kept", ("case_", "scan_lifetime_", "candidate_")),
    ("Matching", ("flood_",)),
    ("Requests and budgets", ("max_", "limit_", "trusted_")),
    ("Sign-in with OpenID Connect", ("oidc_",)),
    ("The audit log and evidence", ("audit_", "evidence_")),
    ("Scans", ("scan_",)),
    ("Fetching from the web", ("fetch_",)),
    ("Images", ("image_",)),
    (
        "Notices and removal",
        (
            "organisation", "signatory", "coordinator", "law_", "template_", "platforms_",
            "rdap", "raise_", "answer_", "smtp_", "recheck_",
        ),
    ),
)  # fmt: skip

INTRODUCTION = """\
# Settings

<!-- Made by `python -m benchmarks.shipped.settings_page > docs/settings.md`. Do not edit it here:
the words come from hashsvc/settings.py. -->

Every setting is an environment variable, or a line in a file named `.env` in the folder that
`hashsvc` is started in. A variable wins over the file. Every setting has a default, so that
`hashsvc serve` starts without any settings.

If a value breaks a rule, the program does not start, and prints the variable's name and the rule.

Before you run the service for real cases, set at least these:

- `HASHSVC_KEY_ENCRYPTION_KEY_FILE` or `HASHSVC_KEY_ENCRYPTION_KEY_COMMAND`, so that the key is not
  kept beside the data;
- `HASHSVC_ORGANISATION` and `HASHSVC_ORGANISATION_EMAIL`, which every notice names.

*Unset* means that the variable has no value unless you give it one.
"""


def main() -> int:
    """Print the page."""
    sys.stdout.write(page())
    return 0


def page() -> str:
    """
    Return the page as Markdown.

    Raises:
        ValueError: If a setting belongs under none of the headings.
    """
    rows: dict[str, list[str]] = {heading: [] for heading, _ in TOPICS}
    for name, field in Settings.model_fields.items():
        rows[_heading(name)].append(_row(name, field))
    parts = [INTRODUCTION]
    for heading, lines in rows.items():
        table = ["| variable | default | allowed | what it is |", "|---|---|---|---|", *lines]
        parts.append(f"## {heading}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def default_text(field: FieldInfo) -> str:
    """Return a setting's default as one writes it in a variable; `unset` if there is none."""
    default = field.default
    if isinstance(default, frozenset | tuple):
        default = ",".join(str(each) for each in sorted(default))
    return "unset" if default in (None, "") else str(default)


def _heading(name: str) -> str:
    for heading, beginnings in TOPICS:
        if name.startswith(beginnings):
            return heading
    raise ValueError(f"Name a heading for the setting {name} in {__name__}.TOPICS.")


def _row(name: str, field: FieldInfo) -> str:
    default = default_text(field)
    shown = default if default == "unset" else f"`{default}`"
    allowed = ", ".join(_limits(field))
    return f"| `HASHSVC_{name.upper()}` | {shown} | {allowed} | {field.description} |"


def _limits(field: FieldInfo) -> Iterator[str]:
    if field.annotation is bool:
        yield "`true` or `false`"
    if get_origin(field.annotation) is Literal:
        yield " or ".join(f"`{each}`" for each in get_args(field.annotation))
    least = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    most = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    if least is not None:
        yield f"{least} or more" if most is None else f"{least} to {most}"
    for rule in field.metadata:
        if isinstance(rule, Gt):
            yield f"more than {rule.gt}"


if __name__ == "__main__":
    sys.exit(main())
