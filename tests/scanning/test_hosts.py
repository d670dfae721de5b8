"""Downloads from a host are limited in number and rate, and stop if the host asks for a pause."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from hashsvc.scanning import FetchError
from hashsvc.scanning.hosts import Hosts, retry_after_s
from tests.helpers.waiting import wait_until

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class SetSeconds:
    """A clock of seconds that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetSeconds:
    """Return the clock of the hosts."""
    return SetSeconds()


def refused(hosts: Hosts, name: str, until: float) -> FetchError:
    """Return the error of asking for a turn at a host, which must fail."""
    with pytest.raises(FetchError) as caught, hosts.turn(name, until=until):
        pass
    return caught.value


@pytest.mark.parametrize("at_once", [1, 3])
def test_turns_at_one_host_at_the_same_time_are_limited(at_once: int, clock: SetSeconds) -> None:
    hosts = Hosts(at_once=at_once, clock=clock)
    with ExitStack() as turns:
        for _ in range(at_once):
            turns.enter_context(hosts.turn("a.example", until=1001))
        error = refused(hosts, "a.example", until=1000)
        assert (error.reason, error.retry) == ("timeout", True)
        with hosts.turn("b.example", until=1000.1):
            pass
    with hosts.turn("a.example", until=1000.1):
        pass


def test_a_waiting_thread_gets_the_turn_that_becomes_free() -> None:
    hosts = Hosts(at_once=1)
    had: list[int] = []

    def visit(number: int) -> None:
        with hosts.turn("a.example", until=float("inf")):
            had.append(number)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(5)]
    with hosts.turn("a.example", until=float("inf")):
        for each in threads:
            each.start()
        assert had == []
    wait_until(lambda: len(had) == 5)
    for each in threads:
        each.join()


def test_an_error_ends_a_turn_too(clock: SetSeconds) -> None:
    hosts = Hosts(at_once=1, clock=clock)
    for _ in range(3):
        with pytest.raises(RuntimeError), hosts.turn("a.example", until=1001):
            raise RuntimeError


def test_turns_begin_at_least_the_delay_apart(clock: SetSeconds) -> None:
    hosts = Hosts(at_once=9, delay_s=5, clock=clock)
    with hosts.turn("a.example", until=1001):
        assert refused(hosts, "a.example", until=1004.9).reason == "timeout"
    with hosts.turn("b.example", until=1001):
        pass
    clock.now = 1004.9
    assert refused(hosts, "a.example", until=1004.95).reason == "timeout"
    clock.now = 1005
    with hosts.turn("a.example", until=1006):
        pass


def test_a_turn_waits_for_the_delay_if_there_is_time() -> None:
    hosts = Hosts(at_once=9, delay_s=0.02)
    for _ in range(3):
        with hosts.turn("a.example", until=float("inf")):
            pass


def test_a_paused_host_gets_no_turns(clock: SetSeconds) -> None:
    hosts = Hosts(at_once=1, clock=clock)
    hosts.pause("a.example", 60)
    hosts.pause("a.example", 10)
    clock.now += 20
    error = refused(hosts, "a.example", until=2000)
    assert (error.reason, error.retry, error.retry_after) == ("asked-to-wait", True, 40)
    with hosts.turn("b.example", until=2000):
        pass
    clock.now += 40
    with hosts.turn("a.example", until=2000):
        pass


def test_idle_hosts_are_forgotten(clock: SetSeconds) -> None:
    hosts = Hosts(at_once=1, clock=clock)
    hosts.pause("held.example", 60)
    for number in range(5000):
        with hosts.turn(f"{number}.example", until=2000):
            pass
    assert len(hosts) < 2000
    assert refused(hosts, "held.example", until=2000).reason == "asked-to-wait"


HEADERS = {
    None: None,
    "": None,
    "soon": None,
    "-5": None,
    "1.5": None,
    "٣": None,
    "0": 0,
    " 30 ": 30,
    "600": 600,
    "601": 600,
    "9" * 5000: 600,
    "Tue, 01 Jan 2030 00:00:30 GMT": 30,
    "Tue, 01 Jan 2030 00:00:30 +0000": 30,
    "Mon, 31 Dec 2029 23:59:30 GMT": 0,
    "Tue, 01 Jan 2036 00:00:30 GMT": 600,
    "Tue, 01 Jan 2030 00:00:30": None,
    "Tue, 99 Jan 2030 00:00:30 GMT": None,
    "Tue, 01 Jan 9999999999 00:00:30 GMT": None,
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_retry_after_header_is_cut_to_the_limit(header: str | None) -> None:
    assert retry_after_s(header, now=NOW, most_s=600) == HEADERS[header]
