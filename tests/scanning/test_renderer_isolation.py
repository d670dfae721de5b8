"""Whatever a page tries, its browser sends nothing past the proxy and leaves nothing behind."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path
from string import Template

import pytest

from hashsvc.scanning import Fetcher, Renderer, RendererState
from hashsvc.scanning.rendering import FilteringProxy, Isolation
from tests.scanning.browsers import (
    CHROMIUM,
    UNSHARE,
    browser_processes,
    is_running,
    needs_isolated_browser,
    profiles,
)
from tests.scanning.canaries import Canaries
from tests.scanning.support import OddSite

pytestmark = needs_isolated_browser()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def canaries() -> Iterator[Canaries]:
    """Yield listeners on each address of this machine."""
    with Canaries() as canaries:
        yield canaries


@pytest.fixture
def fetcher(site: OddSite, change: Callable[..., Fetcher]) -> Fetcher:
    """Return a fetcher that may reach the site and nothing else on this machine."""
    return change(
        fetch_networks=(ip_network("127.0.0.1/32"),),
        fetch_ports=frozenset({site.port}),
        fetch_timeout_s=15,
        fetch_total_s=30,
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the hosts that the browser asks its proxy for."""
    hosts: set[str] = set()
    connect = FilteringProxy.connect

    def listen(proxy: FilteringProxy, place: str, default_port: int) -> object:
        hosts.add(place.rpartition(":")[0] if place[-1:].isdigit() else place)
        return connect(proxy, place, default_port)

    monkeypatch.setattr(FilteringProxy, "connect", listen)
    return hosts


# The page asks for `/slow` so that the browser stays open while other connections are tried.
PAGE = Template("""<!doctype html><html lang="fr"><head>
<link rel="dns-prefetch" href="//prefetch.example">
<link rel="preconnect" href="http://127.0.0.1:$port">
<link rel="prefetch" href="http://127.0.0.1:$port/prefetch">
<script type="speculationrules">{"prerender": [{"urls": ["/next"]}]}</script>
</head><body><p>Bonjour tout le monde, voici une page en français.</p>
<form><input type="email" name="email"><input type="password" name="password"></form>
<embed type="application/pdf" src="/a.pdf"><object data="http://127.0.0.1:$port/a.swf"></object>
<iframe src="file:///etc/passwd"></iframe><iframe src="ftp://127.0.0.1:$port/"></iframe>
<a id="ping" href="#x" ping="http://127.0.0.1:$port/ping">x</a>
<script>
const attempt = run => {
  try { const sent = run(); if (sent && sent.catch) sent.catch(() => 0) } catch (error) {}
}
const connect = (urls, candidates) => {
  const peers = [0, 1].map(() =>
    new RTCPeerConnection({iceServers: [{urls, username: "u", credential: "p"}]}))
  peers.forEach((peer, n) => {
    peer.onicecandidate = event => peers[1 - n].addIceCandidate(event.candidate).catch(() => 0)
  })
  const [one, two] = peers
  one.createDataChannel("x")
  one.createOffer().then(offer => one.setLocalDescription(offer))
    .then(() => two.setRemoteDescription(one.localDescription)).then(() => two.createAnswer())
    .then(answer => two.setLocalDescription(answer))
    .then(() => one.setRemoteDescription(two.localDescription))
    .then(() => candidates.forEach(candidate =>
      one.addIceCandidate({candidate, sdpMid: "0"}).catch(() => 0)))
}
fetch("/slow")
document.getElementById("ping").click()
attempt(() => navigator.serviceWorker.register("/worker.js"))
for (const host of $hosts) {
  const place = host + ":$port", bare = host.replace(/[\\[\\]]/g, "")
  const candidates = ["udp", "tcp"].map(protocol => "candidate:1 1 " + protocol + " 2122260223 " +
    bare + " $port typ host" + (protocol === "tcp" ? " tcptype passive" : ""))
  for (const url of ["stun:" + place, "turn:" + place + "?transport=udp",
      "turn:" + place + "?transport=tcp", "turns:" + place + "?transport=tcp"])
    attempt(() => connect(url, candidates))
  attempt(() => new WebTransport("https://" + place + "/").ready)
  attempt(() => { new WebSocket("ws://" + place + "/") })
  attempt(() => { new WebSocket("wss://" + place + "/") })
  attempt(() => { new EventSource("http://" + place + "/") })
  attempt(() => fetch("http://" + place + "/", {mode: "no-cors", keepalive: true}))
  attempt(() => fetch("https://" + place + "/", {mode: "no-cors"}))
  attempt(() => navigator.sendBeacon("http://" + place + "/", "x"))
}
attempt(() => connect([], ["candidate:1 1 udp 2122260223 " +
  "00000000-0000-4000-8000-000000000000.local $port typ host"]))
</script></body></html>""")
WORKER = """const hosts = $hosts
for (const host of hosts) fetch("http://" + host + ":$port/", {mode: "no-cors"}).catch(() => 0)"""


def hostile(site: OddSite, canaries: Canaries) -> str:
    """Put a page on the site that tries every way out, and return its URL."""
    values = {"hosts": json.dumps(canaries.hosts), "port": canaries.port}
    worker = Template(WORKER).substitute(values).encode()
    site.add("/worker.js", worker, Content_Type="text/javascript")
    site.add("/a.pdf", b"%PDF-1.4", Content_Type="application/pdf")
    site.add("/next", b"next", Content_Type="text/html")

    def answer_slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(3)
        slow(handler)

    slow = site.answers[site.add("/slow", b"slow").removeprefix(site.url)]
    site.answer("/slow", answer_slowly)
    html = PAGE.substitute(values)
    return site.add("/page", html.encode(), Content_Type="text/html; charset=utf-8")


def test_the_canaries_hear_a_browser_without_a_renderer(site: OddSite, canaries: Canaries) -> None:
    page = hostile(site, canaries)
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    switches = ["--headless", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    subprocess.run(
        [CHROMIUM, *sandbox, *switches, page], capture_output=True, check=True, timeout=60
    )
    reached = {f"{protocol} {each}" for protocol in ("udp", "tcp") for each in canaries.addresses}
    if len(canaries.addresses) > 2:  # Without a network, nobody sends multicast packets.
        reached.add("mdns")
    assert set(canaries.heard) == reached


@pytest.mark.parametrize("isolation", ["namespace", "flags"])
def test_nothing_that_a_page_tries_goes_past_the_proxy(
    isolation: Isolation, site: OddSite, fetcher: Fetcher, canaries: Canaries, asked: set[str]
) -> None:
    page = hostile(site, canaries)
    renderer = Renderer(CHROMIUM, fetcher, user_agent="somebody/1", isolation=isolation)
    assert renderer.check() is RendererState.READY
    dom = renderer.dom(page, deadline=time.monotonic() + 20)
    assert canaries.heard == []
    assert dom is not None
    assert b"root:" not in dom
    assert {"/page", "/slow", "/worker.js"} <= {path for path, _ in site.asked}
    # The browser asks for nothing of its own: no host of its maker, no update, no time.
    assert asked - {"", "prefetch.example", *canaries.hosts} == set()


# The command of a browser that does not heed the switch against WebRTC.
WITHOUT_SWITCH = """
for each do
  shift
  case "$each" in --webrtc-ip-handling-policy=*) ;; *) set -- "$@" "$each" ;; esac
done
exec "$0" "$@"
"""
UNWISE = shlex.join(["sh", "-c", WITHOUT_SWITCH, CHROMIUM])


def test_a_browser_that_does_not_heed_the_switches_is_refused_without_a_namespace(
    site: OddSite, fetcher: Fetcher
) -> None:
    renderer = Renderer(UNWISE, fetcher, user_agent="somebody/1", isolation="flags")
    page = site.add("/page", b"<body>x", Content_Type="text/html")
    assert renderer.dom(page, deadline=None) is None
    assert renderer.state is RendererState.REFUSED
    assert renderer.reason == "The browser sends UDP packets past the proxy."
    assert site.asked == []


def test_the_namespace_alone_keeps_a_browser_behind_the_proxy(
    site: OddSite, fetcher: Fetcher, canaries: Canaries
) -> None:
    renderer = Renderer(UNWISE, fetcher, user_agent="somebody/1")
    assert renderer.dom(hostile(site, canaries), deadline=None) is not None
    assert canaries.heard == []


# The outer namespace may hold one more, in which the program runs; that one may hold none.
FORBIDDEN = 'echo 1 > /proc/sys/user/max_user_namespaces && exec "$0" --user --map-user=1000 "$@"'
IN_FORBIDDEN = """
import json, sys
from hashsvc.scanning import Fetcher, Renderer
from hashsvc.settings import Settings
command, isolation, page, port = sys.argv[1:]
settings = Settings(fetch_networks="127.0.0.1/32", fetch_ports=port)
with Fetcher(settings) as fetcher:
    renderer = Renderer(command, fetcher, user_agent="somebody/1", isolation=isolation)
    dom = renderer.dom(page, deadline=None)
print(json.dumps([renderer.state, renderer.reason, dom is not None]))
"""


def without_namespaces(isolation: str, command: str, page: str, port: int) -> object:
    """Return a renderer's state, its reason, and whether it opened a page, on such a system."""
    program = [sys.executable, "-c", IN_FORBIDDEN, command, isolation, page, str(port)]
    done = subprocess.run(
        [UNSHARE, "--user", "--map-root-user", "sh", "-c", FORBIDDEN, UNSHARE, *program],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_where_the_system_forbids_namespaces_no_page_is_opened(site: OddSite) -> None:
    page = site.add("/page", b"<body>x", Content_Type="text/html")
    reason = "The system forbids user or network namespaces. (ENOSPC)"
    assert without_namespaces("namespace", CHROMIUM, page, site.port) == ["refused", reason, False]
    assert site.asked == []


def test_where_the_system_forbids_namespaces_the_operator_may_rely_on_switches(
    site: OddSite,
) -> None:
    page = site.add("/page", b"<body>x", Content_Type="text/html")
    # Chromium has no sandbox of its own there, and starts only if the operator gives it up.
    assert without_namespaces("flags", CHROMIUM, page, site.port) == ["failed", "", False]
    command = f"{CHROMIUM} --no-sandbox"
    assert without_namespaces("flags", command, page, site.port) == ["ready", "", True]


def test_the_browser_keeps_its_own_sandbox_and_is_not_root(site: OddSite, fetcher: Fetcher) -> None:
    seen: list[tuple[int, bool, bool]] = []
    others = browser_processes()  # Such as sandbox workers that other tests of this run share.

    def look(handler: BaseHTTPRequestHandler) -> None:
        for process in set(browser_processes()).difference(others):
            status = dict(
                line.split(":\t", 1)
                for line in (process / "status").read_text().splitlines()
                if ":\t" in line
            )
            command = (process / "cmdline").read_bytes()
            uid = int(status["Uid"].split()[0])
            seen.append((uid, b"--type=renderer" in command, status["Seccomp"] == "2"))
        add(handler)

    add = site.answers[site.add("/look").removeprefix(site.url)]
    site.answer("/look", look)
    page = site.add("/page", b"<script>fetch('/look')</script>", Content_Type="text/html")
    Renderer(CHROMIUM, fetcher, user_agent="somebody/1").dom(page, deadline=None)
    assert seen
    assert all(uid != 0 for uid, _, _ in seen)
    renderers = [is_filtered for _, is_renderer, is_filtered in seen if is_renderer]
    assert renderers
    assert all(renderers)


SERVICE = """
import sys
from hashsvc.scanning import Fetcher, Renderer
from hashsvc.settings import Settings
command, page, port = sys.argv[1:]
settings = Settings(fetch_networks="127.0.0.1/32", fetch_ports=port)
with Fetcher(settings) as fetcher:
    Renderer(command, fetcher, user_agent="somebody/1").dom(page, deadline=None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_service_leaves_no_process_and_no_profile(
    how: signal.Signals, site: OddSite
) -> None:
    page = site.add("/page", b"<script>fetch('/open')</script>", Content_Type="text/html")
    processes: list[Path] = []
    places: set[Path] = set()

    def kill(_handler: BaseHTTPRequestHandler) -> None:
        processes.extend(browser_processes(service.pid))
        places.update(profiles(processes))
        # A service manager first signals every process of the service.
        killed = processes if how is signal.SIGTERM else []
        for each in [service.pid, *(int(each.name) for each in killed)]:
            os.kill(each, how)

    site.answer("/open", kill)
    program = [sys.executable, "-c", SERVICE, CHROMIUM, page, str(site.port)]
    service = subprocess.Popen(program, cwd=ROOT)
    service.wait(60)
    wait_for_end(processes)
    assert len(processes) > 3
    assert len(places) == 1
    assert not any(each.exists() for each in places)


# A browser with a child that has left its session.
WITH_DAEMON = 'setsid sleep 600 >/dev/null & exec "$0" "$@"'


def test_a_page_that_never_ends_is_given_up_and_leaves_nothing(
    site: OddSite, fetcher: Fetcher
) -> None:
    processes: list[Path] = []
    places: set[Path] = set()
    others = browser_processes()

    def look(handler: BaseHTTPRequestHandler) -> None:
        processes.extend(set(browser_processes()).difference(others))
        places.update(profiles(processes))
        answer(handler)

    answer = site.answers[site.add("/look").removeprefix(site.url)]
    site.answer("/look", look)
    markup = b"<body>x<script>fetch('/look'); setTimeout(() => { for (;;) {} })</script>"
    page = site.add("/page", markup, Content_Type="text/html")
    command = shlex.join(["sh", "-c", WITH_DAEMON, CHROMIUM])
    renderer = Renderer(command, fetcher, user_agent="somebody/1")
    assert renderer.check() is RendererState.READY
    assert renderer.dom(page, deadline=time.monotonic() + 5) is None
    wait_for_end(processes)
    assert len(processes) > 3
    assert len(places) == 1
    assert not any(each.exists() for each in places)


def wait_for_end(processes: list[Path]) -> None:
    """Wait until no process runs; give up after 20 seconds."""
    deadline = time.monotonic() + 20
    while any(map(is_running, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, processes))
