"""Callers without a key cannot stop a service for the others, whatever they send or hold open."""

import json
import resource
import select
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from hashsvc.access import Role
from hashsvc.bank import new_case_number
from tests.helpers.raw_http import (
    connected,
    head,
    is_ended,
    many_connected,
    read_answer,
    send_all,
)
from tests.helpers.service import RunningService, running_process, token_for

JSON = "Content-Type: application/json"
HOLDER = b'"number":"7K3M-X9QD-5","pin":"12345678"'
MANY = 1_100


@dataclass(frozen=True)
class Target:
    """A running service and the keys of two roles."""

    service: RunningService
    analyst: str
    intake: str

    def answers(self) -> list[int]:
        """Return the statuses of a health check and of a call with a key, on new connections."""
        key = {"Authorization": f"Bearer {self.analyst}"}
        return [
            httpx2.get(f"{self.service.url}{path}", headers=key, trust_env=False, timeout=60)
            .raise_for_status()
            .status_code
            for path in ("/health", "/v1/matches")
        ]


def started(folder: Path, **settings: str) -> Iterator[Target]:
    """Yield a service with these settings."""
    with running_process(folder, {"scan_threads": "0"} | settings) as running:
        yield Target(running, token_for(folder, Role.ANALYST), token_for(folder, Role.INTAKE))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service with the default limits of connections and time, and no budgets."""
    unlimited = {"limit_holder_calls_per_minute": "100000", "limit_reads_per_minute": "100000"}
    yield from started(tmp_path_factory.mktemp("target"), **unlimited)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service with small limits of connections, time and holders' calls, and no proxy."""
    yield from started(
        tmp_path_factory.mktemp("strict"),
        max_head_s="1",
        max_body_s="1",
        max_idle_s="1",
        max_connections_per_address="10",
        limit_holder_calls_per_minute="3",
    )


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service behind a proxy at 127.0.0.2, with small limits of connections and calls."""
    yield from started(
        tmp_path_factory.mktemp("proxied"),
        trusted_proxies="127.0.0.2",
        max_head_s="60",
        max_connections_per_address="10",
        limit_holder_calls_per_minute="3",
    )


@pytest.fixture
def _many_files() -> Iterator[None]:
    """Let the test open more connections than many systems allow by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 400), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def filled(start: bytes, item: bytes, end: bytes, size: int) -> bytes:
    """Return JSON with one item as often as fits into a size."""
    return start + b",".join([item] * ((size - len(start) - len(end)) // (len(item) + 1))) + end


def unknown_fields(count: int) -> bytes:
    """Return a JSON object with many unknown fields."""
    return json.dumps({f"k{index:06}": 1 for index in range(count)}, separators=(",", ":")).encode()


WRONG_SIGNALS = filled(b'{"signals":[', b"{}", b"]}", 2_900)
HOSTILE = {
    "140,000 unknown fields": unknown_fields(140_000),
    "unknown fields": unknown_fields(24_000),
    "contents without fields": filled(b"{%b," % HOLDER + b'"contents":[', b"{}", b"]}", 299_000),
    "signals without fields": filled(
        b"{%b," % HOLDER + b'"contents":[', WRONG_SIGNALS, b"]}", 299_000
    ),
    "lists": filled(b'{"contents":[', b"[]", b"]}", 299_000),
    "nested lists": filled(b'{"contents":[', b"[" * 900 + b"]" * 900, b"]}", 299_000),
    "depth": b'{"contents":' + b"[" * 299_000,
    "long numbers": filled(b'{"contents":[', b"9" * 4_300, b"]}", 299_000),
    "one number": b'{"contents":' + b"9" * 299_000 + b"}",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_costs_little_and_is_answered_in_few_bytes(
    body: bytes, target: Target
) -> None:
    """A call like these cost 0.1 to 5 seconds before there were limits, and up to 47 MB."""
    key = {"Authorization": f"Bearer {target.intake}"}
    calls: list[tuple[str, dict[str, str]]] = [
        ("/v1/holder/state", {}),
        ("/v1/holder/contents", {}),
        ("/v1/cases/7K3M-X9QD-5/contents", {}),
        ("/v1/cases/7K3M-X9QD-5/contents", key),
    ]
    with httpx2.Client(base_url=target.service.url, trust_env=False, timeout=60) as client:
        before = target.service.cpu_s()
        for path, headers in calls * 2:
            sent = headers | {"Content-Type": "application/json"}
            answer = client.post(path, content=body, headers=sent)
            assert answer.status_code in {401, 413, 422}
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert len(answer.content) < 5_000
        assert target.service.cpu_s() - before < 1


def test_only_the_first_broken_rules_are_told_with_their_number(target: Target) -> None:
    contents = [{"content": "canary", "quality": 101, "signals": []}] * 50
    answer = httpx2.post(
        f"{target.service.url}/v1/holder/contents",
        json={"number": "7K3M-X9QD-5", "pin": "canary", "contents": contents},
        trust_env=False,
    )
    problem = answer.json()
    assert (answer.status_code, len(problem["errors"])) == (422, 20)
    assert problem["error_count"] == 1 + 50 * 3
    assert "151 places" in problem["detail"]
    assert "canary" not in answer.text


@pytest.mark.parametrize("size", [2_001, 3_000_000, 50_000_000])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_caller_that_sends_too_much_reads_the_413(
    size: int, chunked: bool, target: Target
) -> None:
    body, path = b"{" + b" " * (size - 1), "/v1/holder/state"
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    with connected(target.service.port) as raw:
        raw.sendall(head("POST", path, JSON, length) + b"\r\n")
        # It reads nothing before it has sent everything.
        send_all(raw, body, chunked=chunked)
        answer = read_answer(raw)
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "at most 2000 bytes" in answer.json()["detail"]

    parts = (body[start : start + 65_536] for start in range(0, size, 65_536))
    told = httpx2.post(
        target.service.url + path,
        content=parts if chunked else body,
        headers={"Content-Type": "application/json"},
        trust_env=False,
        timeout=60,
    )
    assert (told.status_code, told.json()) == (413, answer.json())


@pytest.mark.parametrize("length", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("key", [None, "hsk_" + "x" * 43, "x", "."])
def test_a_caller_without_a_key_is_refused_before_it_sends_a_body(
    key: str | None, length: str, target: Target
) -> None:
    sent = [JSON, length] + ([] if key is None else [f"Authorization: Bearer {key}"])
    with connected(target.service.port) as raw:
        raw.sendall(head("POST", "/v1/scans", *sent) + b"\r\n")
        answer = read_answer(raw)
    assert (answer.status, answer.json()["type"]) == (401, "urn:hashsvc:unauthorised")


def test_a_caller_that_asks_first_is_told_not_to_send(target: Target) -> None:
    with connected(target.service.port) as raw:
        announced = ("Expect: 100-continue", "Content-Length: 50000000")
        raw.sendall(head("POST", "/v1/holder/state", JSON, *announced) + b"\r\n")
        assert read_answer(raw).status == 413


HALVES = {
    "nothing": b"",
    "half a head": head("GET", "/health", "X-Half: "),
    "half a body": head("POST", "/v1/holder/state", JSON, "Content-Length: 500") + b"\r\n{",
    "half a refused body": head("POST", "/v1/scans", JSON, "Content-Length: 500") + b"\r\n{",
    "an idle connection": head("GET", "/health") + b"\r\n",
    "half a second head": head("GET", "/health") + b"\r\n" + head("GET", "/health"),
}


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("subscribers", [1, 50])
@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_connections_that_wait_shut_nobody_out(
    sent: bytes, subscribers: int, target: Target
) -> None:
    # The callers with a key come from 127.0.0.1 too.
    sources = [f"127.0.0.{1 + index % subscribers}" for index in range(MANY)]
    with many_connected(target.service.port, sources, sent):
        for _ in range(3):
            assert target.answers() == [200, 200]
        assert target.service.open_files() < 700


def dribbled(target: Target, start: bytes, drop: bytes) -> bytes:
    """Send a request's start, and then a drop at a time. Return what comes before the end."""
    received = b""
    with connected(target.service.port) as raw:
        raw.sendall(start)
        for _ in range(600):
            if select.select([raw], [], [], 0.1)[0]:
                try:
                    data = raw.recv(65_536)
                except ConnectionError:
                    return received
                if not data:
                    return received
                received += data
            try:
                raw.sendall(drop)
            except OSError:
                time.sleep(0.1)
    raise AssertionError("The service waited for a minute.")


def test_a_slow_head_ends_the_connection(strict: Target) -> None:
    assert dribbled(strict, head("GET", "/health"), b"X-Drop: 1\r\n") == b""
    whole = head("GET", "/health") + b"\r\n"
    second = dribbled(strict, whole + head("GET", "/health"), b"X-Drop: 1\r\n")
    assert second.count(b"HTTP/1.1 200") == 1


def test_a_slow_body_is_answered_with_408(strict: Target) -> None:
    start = head("POST", "/v1/holder/renew", JSON, "Content-Length: 1900") + b"\r\n{"
    answer = dribbled(strict, start, b" ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:hashsvc:slow-body" in answer
    assert b"1 seconds" in answer


def test_an_idle_connection_ends(strict: Target) -> None:
    with connected(strict.service.port) as raw:
        raw.sendall(head("GET", "/health") + b"\r\n")
        assert read_answer(raw).status == 200
        assert is_ended(raw)


@pytest.mark.parametrize("line", [b"X-Long: " + b"x" * 100_000, b"X-Many: x\r\n" * 10_000])
def test_a_large_head_ends_the_connection(line: bytes, target: Target) -> None:
    with connected(target.service.port) as raw:
        send_all(raw, head("GET", "/health") + line, chunked=False)
        try:
            received = raw.recv(100)
        except ConnectionError:
            received = b""
    assert received.startswith(b"HTTP/1.1 400 ") or received == b""


def test_a_new_connection_ends_the_one_that_has_waited_longest(proxied: Target) -> None:
    with many_connected(proxied.service.port, ["127.0.0.3"] * 10, b"") as opened:
        other = connected(proxied.service.port, "127.0.0.4")
        newest = connected(proxied.service.port, "127.0.0.3")
        with other, newest:
            # Only the eleventh of one address ends another one of it: the oldest.
            assert is_ended(opened[0])
            for each in (other, newest, opened[-1]):
                each.sendall(head("GET", "/health") + b"\r\n")
                assert read_answer(each).status == 200


def holder_call(target: Target, source: str, forwarded: str | None) -> int:
    """Return the status of a holder's call with a wrong PIN."""
    # Too many wrong PINs of one case would get a 429, too.
    body = json.dumps({"number": new_case_number(), "pin": "12345678"}).encode()
    headers = [JSON, f"Content-Length: {len(body)}"]
    if forwarded is not None:
        headers.append(f"X-Forwarded-For: {forwarded}")
    with connected(target.service.port, source) as raw:
        raw.sendall(head("POST", "/v1/holder/state", *headers) + b"\r\n" + body)
        return read_answer(raw).status


def test_nobody_chooses_their_address_without_a_trusted_proxy(
    strict: Target, proxied: Target
) -> None:
    for target in (strict, proxied):
        statuses = [holder_call(target, "127.0.0.9", f"192.0.2.{index}") for index in range(6)]
        assert statuses[3:] == [429, 429, 429]
        assert 429 not in statuses[:3]


def test_a_trusted_proxy_names_the_address_of_its_caller(proxied: Target) -> None:
    # The proxy appends the address that it sees to what the caller sent.
    chosen = [holder_call(proxied, "127.0.0.2", f"192.0.2.{n}, 198.51.100.1") for n in range(6)]
    assert chosen[3:] == [429, 429, 429]
    assert holder_call(proxied, "127.0.0.2", "198.51.100.2") != 429
    network = [holder_call(proxied, "127.0.0.2", f"2001:db8::{n}") for n in range(1, 7)]
    assert network[3:] == [429, 429, 429]
    mapped = [holder_call(proxied, "127.0.0.2", f"::ffff:203.0.113.{n}") for n in range(1, 7)]
    assert 429 not in mapped


def test_a_trusted_proxy_may_have_more_connections_than_an_address(proxied: Target) -> None:
    with many_connected(proxied.service.port, ["127.0.0.2"] * 30, b"") as opened:
        for each in opened:
            each.sendall(head("GET", "/health") + b"\r\n")
            assert read_answer(each).status == 200


def test_holders_at_work_leave_room_for_callers_with_a_key(target: Target) -> None:
    """Checking a PIN takes a core for a tenth of a second, and 64 MB."""

    def call(_: int) -> int:
        return holder_call(target, "127.0.0.1", None)

    with ThreadPoolExecutor(50) as pool:
        holders = pool.map(call, range(50))
        assert target.answers() == [200, 200]
        assert set(holders) <= {404, 429, 503}
