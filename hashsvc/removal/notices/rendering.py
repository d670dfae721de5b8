"""
Fills in templates: the shipped ones, or the operator's own with the same names.

The first line of a template states its version. A lawyer reviews a template before it is used.
Templates run in a sandbox, and a missing value is an error, never a gap in a legal document.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hashsvc.removal.errors import TemplateError
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.paragraphs import Paragraph, parts_of

_VERSION = re.compile(r"\{#\s*version:\s*(\d{4}-\d{2}-\d{2}(?:\.\d+)?)\b")


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """
    The template that a document was made with.

    Attributes:
        own: Whether the template is the operator's own.
    """

    name: str
    version: str
    sha256: str
    own: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of a document, and the template that they were made with."""

    parts: tuple[Paragraph, ...]
    template: TemplateVersion


def render(
    kind: str, language: Language, values: Mapping[str, object], *, own: Path | None = None
) -> Rendered:
    """
    Return the document that the template `KIND.LANGUAGE.txt` gives.

    Args:
        own: Directory with the operator's own templates. The shipped template is used if the
            directory has none of that name.

    Raises:
        TemplateError: If the template is broken, states no version, uses a value that a document
            does not have, or tries to use anything but its values.
    """
    name = f"{kind}.{language}.txt"
    environment = _environment(own)
    assert environment.loader is not None
    try:
        source, filename, _ = environment.loader.get_source(environment, name)
        text = environment.get_template(name).render(values)
    except jinja2.TemplateNotFound as error:
        raise TemplateError(f"{name}: this template does not exist.") from error
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(
            f"{name}, line {error.lineno}: this is not valid template syntax."
        ) from error
    except jinja2.UndefinedError as error:
        raise TemplateError(
            f"{name}: the template uses a value that a document does not have."
        ) from error
    except jinja2.exceptions.SecurityError as error:
        raise TemplateError(f"{name}: a template may use its values only.") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TemplateError(f"{name}: the template uses a value in a way that fails.") from error
    version = _VERSION.match(source)
    if version is None:
        raise TemplateError(f"{name}: the first line must be {{# version: YYYY-MM-DD #}}.")
    is_own = own is not None and filename is not None and Path(filename).is_relative_to(own)
    digest = hashlib.sha256(source.encode()).hexdigest()
    return Rendered(parts_of(text), TemplateVersion(name, version[1], digest, is_own))


def to_html(parts: Sequence[Paragraph], language: Language, *, own: Path | None = None) -> str:
    """Return a document as HTML. All text is escaped, and nothing is a link."""
    template = _environment(own).get_template("document.html")
    return template.render(parts=parts, language=language.value)


def fill_page(name: str, values: Mapping[str, object]) -> str:
    """Return a shipped HTML page filled in with values, all escaped."""
    return _environment(None).get_template(name).render(values)


@lru_cache(maxsize=8)
def _environment(own: Path | None) -> ImmutableSandboxedEnvironment:
    loaders: list[jinja2.BaseLoader] = [jinja2.PackageLoader("hashsvc.removal")]
    if own is not None:
        if not own.is_dir():
            raise TemplateError("The directory of the operator's own templates does not exist.")
        loaders.insert(0, jinja2.FileSystemLoader(own))
    return ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader(loaders),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html"], default_for_string=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
