"""Tells from a reference's spelling whether it leads to an image, a film or something else."""

import re

from hashsvc.scanning.pages.joined import UNKNOWN

_IMAGE = r"jpe?g|jfif|pjpeg|png|webp|gif|avif|hei[cf]|bmp|tiff?"
# `p.jpg`, and suffixes of image servers: `p.jpg:orig`, `p.jpg!large`, `p.jpg/revision/latest`.
_IMAGE_PATH = re.compile(
    rf"(?<=[^/])\.(?:{_IMAGE})(?![a-z0-9]|\.(?:html?|php|aspx?)\b)", re.IGNORECASE
)
_IMAGE_QUERY = re.compile(
    rf"[?&;](?:format|fm|f|ext|type|auto|output)=(?:{_IMAGE}|webply)(?![a-z0-9])"
    rf"|[?&][^=]+=[^&]*\.(?:{_IMAGE})(?![a-z0-9])",
    re.IGNORECASE,
)
_FILM_PATH = re.compile(r"\.(?:mp4|m4v|webm|mov|mkv|ogv)$", re.IGNORECASE)
# Files that show no photograph. SVG is not among them, because it can hold a bitmap.
_OTHER_PATH = re.compile(
    r"\.(?:css|eot|ico|js|mjs|otf|ttf|woff2?|json|xml|txt|pdf|zip|mp3|m4a|ogg|wav)$", re.IGNORECASE
)
_PAGE_PATH = re.compile(r"\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)
# Gaps that a template or a script fills: `{{src}}`, `${id}`, `{name}`, `{9}`, `<%= url %>`.
_PLACEHOLDER = re.compile(
    rf"{UNKNOWN}|\{{\{{[^{{}}]*+\}}\}}"
    rf"|\$?\{{(?:[A-Za-z_.$ ]*+|\d{{1,3}})\}}|<%[^%]*+%>|%7B%7B",
    re.IGNORECASE,
)


def known_part(reference: str) -> str:
    """Return a reference without unknown parts of its query; empty if its path has such parts."""
    path, mark, query = reference.partition("?")
    return "" if _PLACEHOLDER.search(path) else path + mark + _PLACEHOLDER.sub("", query)


def path_of(reference: str) -> str:
    """Return a reference without its query and fragment."""
    return reference.partition("?")[0].partition("#")[0]


def is_image_reference(reference: str) -> bool:
    """Return whether a reference has an image file's extension, in its path or in its query."""
    return bool(_IMAGE_PATH.search(path_of(reference)) or _IMAGE_QUERY.search(reference))


def is_film_reference(reference: str) -> bool:
    """Return whether a reference has a film's extension."""
    return bool(_FILM_PATH.search(path_of(reference)))


def is_other_file(reference: str) -> bool:
    """Return whether a reference has the extension of a file that shows no photograph."""
    return bool(_OTHER_PATH.search(path_of(reference)))


def is_icon_file(reference: str) -> bool:
    """Return whether a reference has the extension of a file of icons."""
    return path_of(reference).lower().endswith(".ico")


def is_page_reference(reference: str) -> bool:
    """Return whether a reference has a page's extension."""
    return bool(_PAGE_PATH.search(path_of(reference)))
