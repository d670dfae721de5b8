"""If the settings say so, robots.txt is fetched once and obeyed as RFC 9309 says."""

from collections.abc import Callable
from typing import Any

import pytest

from hashsvc.scanning import Fetcher, FetchError
from hashsvc.scanning.robots import Robots, RobotsCache, read_robots
from tests.scanning.support import OddSite

FILE = """
# For all
user-agent: *
Disallow: /all

User-Agent: HashSvc/1.0
user-agent: another
Disallow: /private   # not here
Allow: /private/open
disallow: /*.gif$
Disallow: /a*b*c
Disallow: /q?x=
Disallow:
Disallow /nothing
Allow: /same
Disallow: /same
Disallow: /%7Ename/%2f/\u00e9

user-agent: other
disallow: /
user-agent: hashsvc
disallow: /later
sitemap: /x
"""
PATHS = {
    "/": True,
    "/all": True,
    "/private": False,
    "/private/x": False,
    "/privately": False,
    "/Private": True,
    "/private/open": True,
    "/private/open/x": True,
    "/x/y.gif": False,
    "/x/y.gif?z": True,
    "/y.gifs": True,
    "/abc": False,
    "/a-b-c-d": False,
    "/acb": True,
    "/q?x=1": False,
    "/q?y=1": True,
    "/same": True,
    "/~name/%2F/%C3%A9": False,
    "/%7ename/%2f/%c3%a9/x": False,
    "/~name///%C3%A9": True,
    "/later/x": False,
}


@pytest.mark.parametrize("path", PATHS)
def test_the_longest_rule_decides(path: str) -> None:
    robots = read_robots(FILE, "hashsvc")
    assert robots.allows(f"https://a.example{path}") == PATHS[path]


@pytest.mark.parametrize("program", ["unnamed", "hash", "hashsvcs"])
def test_a_program_without_its_own_rules_follows_the_rules_for_all(program: str) -> None:
    robots = read_robots(FILE, program)
    assert not robots.allows("https://a.example/all")
    assert robots.allows("https://a.example/private")


@pytest.mark.parametrize(
    "rule", ["/" + "*a" * 100_000 + "$", "/" + "*" * 200_000, "/" + "a*" * 100_000 + "b"]
)
def test_a_rule_made_to_keep_the_scanner_busy_is_matched_quickly(rule: str) -> None:
    robots = read_robots(f"user-agent: *\ndisallow: {rule}\n", "hashsvc")
    for _ in range(100):
        robots.allows("https://a.example/" + "a" * 1900)


def test_many_rules_are_read_quickly() -> None:
    robots = read_robots("user-agent: *\n" + "disallow: /*a*a*a$\n" * 100_000, "hashsvc")
    assert len(robots.rules) == 10_000
    assert robots.allows("https://a.example/b")


def test_rules_are_remembered_for_an_hour() -> None:
    now = 0.0
    cache, robots = RobotsCache(lambda: now), Robots(())
    cache.put("https://a.example/robots.txt", robots)
    now = 3599
    assert cache.get("https://a.example/robots.txt") is robots
    assert cache.get("https://b.example/robots.txt") is None
    now = 3600
    assert cache.get("https://a.example/robots.txt") is None


def test_the_number_of_remembered_sites_is_limited() -> None:
    cache = RobotsCache()
    for number in range(1001):
        cache.put(f"https://{number}.example/robots.txt", Robots(()))
    assert cache.get("https://0.example/robots.txt") is None
    assert cache.get("https://1.example/robots.txt") is not None


def paths(site: OddSite) -> list[str]:
    """Return the paths that were requested from a site."""
    return [path for path, _ in site.asked]


def reason(fetcher: Fetcher, url: str) -> str:
    """Return the reason why a URL cannot be fetched; "" if it can."""
    try:
        fetcher.get(url)
    except FetchError as error:
        return error.reason
    return ""


def test_without_the_setting_robots_txt_is_not_fetched(site: OddSite, fetcher: Fetcher) -> None:
    site.add("/robots.txt", b"user-agent: *\ndisallow: /")
    fetcher.get(site.add("/x"))
    assert paths(site) == ["/x"]


def test_with_the_setting_robots_txt_is_obeyed_and_fetched_once(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    fetcher = change(fetch_robots=True)
    site.add("/robots.txt", b"user-agent: *\ndisallow: /x\nuser-agent: hashsvc\ndisallow: /y")
    urls = [site.add(path) for path in ("/x", "/y", "/y/z")]
    assert [reason(fetcher, url) for url in urls] == ["", "robots-txt", "robots-txt"]
    assert paths(site) == ["/robots.txt", "/x"]


FILES: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"status": 404}, ""),
    "forbidden": ({"status": 403}, ""),
    "empty": ({}, ""),
    "no text": ({"body": bytes(range(256)) * 100}, ""),
    "elsewhere": ({"status": 302, "Location": "/rules"}, "robots-txt"),
    "in a circle": ({"status": 302, "Location": "/robots.txt"}, "robots-txt"),
    "too large": ({"body": b"allow: /\n" * 100_000}, "robots-txt"),
    "for later": ({"status": 503}, "http-503"),
}


@pytest.mark.parametrize(("answer", "expected"), FILES.values(), ids=FILES.keys())
def test_without_a_readable_file_the_rfc_decides(
    answer: dict[str, Any], expected: str, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    site.add("/robots.txt", **answer)
    site.add("/rules", b"user-agent: *\ndisallow: /")
    assert reason(change(fetch_robots=True), site.add("/x")) == expected
    assert ("/x" in paths(site)) == (expected == "")


def test_the_target_of_a_redirect_has_its_own_rules(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    with OddSite() as other:
        other.add("/robots.txt", b"user-agent: *\ndisallow: /x")
        url = site.add("/a", status=302, Location=other.add("/x"))
        assert reason(change(fetch_robots=True), url) == "robots-txt"
        assert paths(other) == ["/robots.txt"]
