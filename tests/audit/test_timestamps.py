"""A time stamp says when something existed, and only of that, and only on a trusted word."""

import json
import sys
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import pytest

from hashsvc.audit import BadTimestampError, NoTimestampsError, check_timestamp, stamp_by
from tests.helpers import authority
from tests.helpers.authority import Authority

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "timestamp.json").read_text())
CONTENT = VECTOR["content"].encode()
ANSWER = b64decode(VECTOR["answer"])
ROOTS, OTHERS = VECTOR["roots"].encode(), VECTOR["other_roots"].encode()


def test_a_stamp_says_when() -> None:
    at = datetime.fromisoformat(VECTOR["at"])
    found = check_timestamp(ANSWER, CONTENT, ROOTS)
    assert (found.at, found.verified) == (at, True)
    assert check_timestamp(ANSWER, CONTENT, OTHERS + ROOTS + ROOTS).verified


def test_without_trusted_authorities_nobody_has_checked_who_says_so() -> None:
    found = check_timestamp(ANSWER, CONTENT)
    assert found.at == datetime.fromisoformat(VECTOR["at"])
    assert not found.verified


@pytest.mark.parametrize("roots", [None, ROOTS])
def test_a_stamp_of_something_else_is_refused(roots: bytes | None) -> None:
    with pytest.raises(BadTimestampError, match="of something else"):
        check_timestamp(ANSWER, CONTENT + b" ", roots)


def test_a_stamp_of_another_authority_is_refused() -> None:
    with pytest.raises(BadTimestampError, match="None of the given authorities"):
        check_timestamp(ANSWER, CONTENT, OTHERS)


@pytest.mark.parametrize("roots", [b"", b"canary", ROOTS[:-40]])
def test_what_are_no_certificates_is_refused(roots: bytes) -> None:
    with pytest.raises(BadTimestampError, match="PEM") as raised:
        check_timestamp(ANSWER, CONTENT, roots)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("answer", [b"", b"canary", ANSWER[:-1], ANSWER[:100], bytes(900)])
def test_what_is_no_stamp_is_refused(answer: bytes) -> None:
    with pytest.raises(BadTimestampError, match="not a time stamp"):
        check_timestamp(answer, CONTENT)


def test_an_altered_time_is_found() -> None:
    year = datetime.fromisoformat(VECTOR["at"]).strftime("%Y%m%d").encode()
    assert ANSWER.count(year) == 1
    altered = ANSWER.replace(year, b"20200101")
    assert check_timestamp(altered, CONTENT).at.year == 2020
    with pytest.raises(BadTimestampError, match="None of the given authorities"):
        check_timestamp(altered, CONTENT, ROOTS)


def test_an_answer_to_another_request_is_refused() -> None:
    """As a stored one of the same content would be."""
    with pytest.raises(BadTimestampError, match="another request"):
        stamp_by(lambda _: ANSWER)(CONTENT)


@pytest.mark.skipif(authority.MISSING, reason=authority.WHY)
def test_a_stamp_is_got_from_an_authority(tmp_path: Path) -> None:
    one = Authority(tmp_path / "one")
    asked: list[bytes] = []

    def post(request: bytes) -> bytes:
        asked.append(request)
        return one.post(request)

    answer = stamp_by(post)(b"canary")
    assert check_timestamp(answer, b"canary", one.roots).verified
    # The authority sees the digest of what it stamps, never the thing itself.
    assert b"canary" not in asked[0]
    with pytest.raises(BadTimestampError, match="refused to stamp"):
        stamp_by(lambda request: one.post(request[:-8]))(b"canary")


def test_without_the_extra_it_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for use in (lambda: stamp_by(bytes), lambda: check_timestamp(ANSWER, CONTENT)):
        with pytest.raises(NoTimestampsError, match=r"hashsvc\[timestamps\]"):
            use()
