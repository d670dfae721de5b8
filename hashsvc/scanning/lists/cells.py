"""Finds the URLs in a table cell or a line of text, as people and mail programs write them."""

import re

# Zero-width characters, soft hyphens and marks of writing direction. Copied text often has them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FORMULA = re.compile(r"\s*=\s*HYPERLINK\(\s*\"([^\"]+)\"", re.IGNORECASE)
_FANG = re.compile(r"\bh(?:xx|\*\*|tt|__)p(s?)(?=\[?:)", re.IGNORECASE)
_FANGED_COLON = re.compile(r"(https?)\[:\](?=//)|(https?)\[://\]", re.IGNORECASE)
_FANGED_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE)
# Two Markdown links, `[words](URL)`, can touch, so a URL ends before `](` and before `)[`.
_URL = re.compile(r"https?:[/\\]{1,3}(?:(?!\]\(|\)\[)[^\s<>\"“”«»„])+", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w@./])www\.[^\s<>\"“”«»„]+", re.IGNORECASE)
_NO_COLON = re.compile(r"(?<!\w)https?//", re.IGNORECASE)
_NO_SLASHES = re.compile(r"(?<!\w)https?:(?![/\\])", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"(?<!\w)([a-z][a-z0-9+.-]{1,20})://", re.IGNORECASE)
_TRAILING = ".,;:!?'’‘*_|"
_PAIRS = {")": "(", "]": "[", "}": "{"}

NO_URL = "A URL begins with http:// or https://."
NO_COLON = "The URL lacks the colon: write https:// in place of https//."
NO_SLASHES = "The URL lacks the slashes: write https:// in place of https:."


def urls_in(text: str) -> list[str]:
    """
    Return the URLs in a cell or a line, as written but without what is around them.

    Two spellings are changed: `hxxps://a[.]b` becomes a URL again, and `www.…` gets https://.
    """
    text = _INVISIBLE.sub("", text)
    if formula := _FORMULA.match(text):
        text = formula[1]
    text = _refanged(text)
    stripped = text.strip()
    if _is_one_url(stripped):
        return [stripped]
    found = [(each.start(), _trimmed(each[0])) for each in _URL.finditer(text)]
    spans = [(start, start + len(url)) for start, url in found]
    found += [
        (each.start(), f"https://{_trimmed(each[0])}")
        for each in _BARE.finditer(text)
        if not any(start <= each.start() < end for start, end in spans)
    ]
    return [url for _, url in sorted(found)]


def rule_broken_by(text: str) -> str:
    """Return which rule a line without a URL breaks."""
    if _NO_COLON.search(text):
        return NO_COLON
    if _NO_SLASHES.search(text):
        return NO_SLASHES
    if scheme := _OTHER_SCHEME.search(text):
        return f"{NO_URL} {scheme[1].lower()}:// is not scanned."
    return NO_URL


def _refanged(text: str) -> str:
    text = _FANG.sub(r"http\1", text)
    text = _FANGED_COLON.sub(lambda found: f"{found[1]}:" if found[1] else f"{found[2]}://", text)
    return _FANGED_DOT.sub(".", text) if "http" in text.lower() or "www" in text.lower() else text


def _is_one_url(text: str) -> bool:
    """Return whether a cell is one URL with spaces in its path, which browsers accept."""
    if " " not in text or len(_URL.findall(text)) != 1 or not _URL.match(text):
        return False
    return (
        re.fullmatch(r"\S+( [^\s/]+)*\.(?:jpe?g|png|gif|webp|html?|php)", text, re.IGNORECASE)
        is not None
    )


def _trimmed(url: str) -> str:
    """Return a URL without the punctuation of the sentence around it."""
    # In Markdown's `[words](http://…)` the match begins after the opening bracket.
    while url:
        last = url[-1]
        if last in _TRAILING or (last in _PAIRS and url.count(last) > url.count(_PAIRS[last])):
            url = url[:-1]
        else:
            break
    for closing, opening in _PAIRS.items():
        # A URL ends before a closing bracket that was never opened, as in `http://a/x)[b](http://…`.
        if (at := _unopened(url, opening, closing)) is not None:
            url = url[:at]
    return url


def _unopened(url: str, opening: str, closing: str) -> int | None:
    depth = 0
    for at, letter in enumerate(url):
        depth += (letter == opening) - (letter == closing)
        if depth < 0:
            return at
    return None
