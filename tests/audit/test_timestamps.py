"""A time stamp is accepted for its own bytes only, and verified by a trusted authority only."""

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


def test_a_stamp_tells_the_time() -> None:
    at = datetime.fromisoformat(VECTOR["at"])
    found = check_timestamp(ANSWER, CONTENT, ROOTS)
    assert (found.at, found.verified) == (at, True)
    assert check_timestamp(ANSWER, CONTENT, OTHERS + ROOTS + ROOTS).verified


def test_without_trusted_authorities_a_stamp_is_not_verified() -> None:
    found = check_timestamp(ANSWER, CONTENT)
    assert found.at == datetime.fromisoformat(VECTOR["at"])
    assert not found.verified


@pytest.mark.parametrize("roots", [None, ROOTS])
def test_a_stamp_of_other_bytes_is_refused(roots: bytes | None) -> None:
    with pytest.raises(BadTimestampError, match="for other content"):
        check_timestamp(ANSWER, CONTENT + b" ", roots)


def test_a_stamp_of_another_authority_is_refused() -> None:
    with pytest.raises(BadTimestampError, match="None of the given authorities"):
        check_timestamp(ANSWER, CONTENT, OTHERS)


@pytest.mark.parametrize("roots", [b"", b"canary", ROOTS[:-40]])
def test_malformed_certificates_are_refused(roots: bytes) -> None:
    with pytest.raises(BadTimestampError, match="PEM") as raised:
        check_timestamp(ANSWER, CONTENT, roots)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("answer", [b"", b"canary", ANSWER[:-1], ANSWER[:100], bytes(900)])
def test_a_malformed_stamp_is_refused(answer: bytes) -> None:
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
    """An old stamp of the same content would be such an answer."""
    with pytest.raises(BadTimestampError, match="another request"):
        stamp_by(lambda _: ANSWER)(CONTENT)


@pytest.mark.skipif(authority.MISSING, reason=authority.WHY)
def test_an_authority_gives_a_stamp(tmp_path: Path) -> None:
    one = Authority(tmp_path / "one")
    requests: list[bytes] = []

    def post(request: bytes) -> bytes:
        requests.append(request)
        return one.post(request)

    answer = stamp_by(post)(b"canary")
    assert check_timestamp(answer, b"canary", one.roots).verified
    # The authority sees only the digest of the bytes that it stamps.
    assert b"canary" not in requests[0]
    with pytest.raises(BadTimestampError, match="refused to give a time stamp"):
        stamp_by(lambda request: one.post(request[:-8]))(b"canary")


def test_if_the_extra_is_missing_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for use in (lambda: stamp_by(bytes), lambda: check_timestamp(ANSWER, CONTENT)):
        with pytest.raises(NoTimestampsError, match=r"hashsvc\[timestamps\]"):
            use()
