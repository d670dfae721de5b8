"""Scripts of pages run in a browser, behind a proxy that connects to no forbidden address."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network

import pytest

from hashsvc.scanning import Fetcher, Looker
from hashsvc.scanning.rendering import FilteringProxy, Renderer
from tests.conftest import generated_photo, jpeg
from tests.scanning.browsers import CHROMIUM, needs_isolated_browser
from tests.scanning.support import Names, OddSite

needs_browser = needs_isolated_browser()


@pytest.fixture
def fetcher(site: OddSite, change: Callable[..., Fetcher]) -> Fetcher:
    """Yield a fetcher that may reach the site and nothing else on loopback."""
    return change(
        fetch_networks=(ip_network("127.0.0.1/32"),),
        fetch_ports=frozenset({site.port}),
        fetch_max_bytes=1_000_000,
        fetch_timeout_s=15,
        fetch_total_s=30,
    )


@pytest.fixture
def proxy(fetcher: Fetcher) -> Iterator[FilteringProxy]:
    """Yield a filtering proxy that uses the fetcher."""
    with FilteringProxy(fetcher, until=time.monotonic() + 30) as proxy:
        yield proxy


@pytest.fixture
def inside(site: OddSite) -> Iterator[list[str]]:
    """Yield the connections to the same port on another loopback address."""
    visits: list[str] = []
    with socket.create_server(("127.0.0.2", site.port)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    visitor, address = listening.accept()
                    visits.append(address[0])
                    visitor.close()

        threading.Thread(target=serve, daemon=True).start()
        yield visits
        # The thread keeps waiting in `accept`.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def say(proxy: FilteringProxy, text: str) -> bytes:
    """Return the proxy's answer to a request."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(text.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_the_proxy_connects_to_hosts_that_the_fetcher_may_reach(
    proxy: FilteringProxy, site: OddSite, names: Names
) -> None:
    names.answers["named.example"] = [["127.0.0.1"]]
    site.add("/a?b", b"here")
    place = f"named.example:{site.port}"
    headers = f"Host: {place}\r\nProxy-Connection: x\r\nCookie: y"
    get = f"GET http://{place}/a?b HTTP/1.1\r\n{headers}\r\n\r\n"
    assert say(proxy, get).endswith(b"here")
    ((path, received),) = site.asked
    assert path == "/a?b"
    assert sorted(received) == ["Connection", "Host"]
    tunnel = f"CONNECT {place} HTTP/1.1\r\n\r\nGET /a?b HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert say(proxy, tunnel).endswith(b"here")
    assert proxy.refused == 0


PLACES = (
    "127.0.0.2:{}", "127.0.0.1:1", "127.0.0.1", "10.0.0.1:{}", "[::1]:{}", "[::ffff:7f00:2]:{}",
    "0x7f.2:{}", "2130706434:{}", "127.0.0.2.:{}", "user@127.0.0.2:{}", "inside.example:{}",
    "127.0.0.1:{}@127.0.0.2:{}", "", ":{}", "127.0.0.2:{}#127.0.0.1", "[", "127.0.0.1:99999",
    "127.0.0.1:x", "127.0.0.1\\@127.0.0.2:{}",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["CONNECT {} HTTP/1.1\r\n\r\n", "GET http://{}/ HTTP/1.1\r\n\r\n"])
def test_the_proxy_refuses_forbidden_places(
    form: str, place: str, proxy: FilteringProxy, site: OddSite, inside: list[str], names: Names
) -> None:
    names.answers["inside.example"] = [["127.0.0.2"]]
    answer = say(proxy, form.format(place.replace("{}", str(site.port))))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert proxy.refused == 1
    assert inside == []
    assert site.connections == 0


@pytest.mark.parametrize(
    "text",
    ["\r\n", "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET file:///etc/passwd x\r\n\r\n"],
)
def test_the_proxy_serves_nothing_itself(text: str, proxy: FilteringProxy) -> None:
    assert say(proxy, text).startswith(b"HTTP/1.1 403 ")


def test_the_bytes_through_the_proxy_are_limited(proxy: FilteringProxy, site: OddSite) -> None:
    site.add("/", bytes(700_000))
    get = f"GET {site.url}/ HTTP/1.1\r\nHost: x\r\n\r\n"
    assert len(say(proxy, get)) > 700_000
    assert len(say(proxy, get)) < 400_000


PAGE = """<body><div id="root"></div><script>
fetch("/data.json").then(answer => answer.json()).then(data => {
  for (const each of data) {
    const image = document.createElement("img")
    image.src = each
    document.getElementById("root").append(image)
  }
})
</script>"""


@needs_browser
def test_images_that_scripts_add_to_a_page_are_found(site: OddSite, fetcher: Fetcher) -> None:
    page = site.add("/page", PAGE.encode(), Content_Type="text/html")
    site.add("/data.json", b'["/photo/1", "/photo/2"]', Content_Type="application/json")
    for number in (1, 2):
        site.add_image(f"/photo/{number}", jpeg(generated_photo(number)))
    plain = Looker(fetcher, images_per_page=5)
    assert list(plain.look(page)) == []
    renderer = Renderer(CHROMIUM, fetcher, user_agent="somebody/1")
    looker = Looker(fetcher, images_per_page=5, renderer=renderer)
    looks = list(looker.look(page))
    assert [each.image_url for each in looks] == [f"{site.url}/photo/{n}" for n in (1, 2)]
    assert all(each.image for each in looks)
    browsers = {headers["User-Agent"] for path, headers in site.asked if path == "/data.json"}
    assert browsers == {"somebody/1"}
    # The browser itself loads no images.
    assert [path for path, _ in site.asked].count("/photo/1") == 1


HOSTILE = """<body><script>
const places = ["http://127.0.0.2:%(port)d/a", "http://localhost:%(port)d/b",
  "http://[::1]:%(port)d/c", "http://inside.example:%(port)d/d", "http://2130706434:%(port)d/e",
  "https://127.0.0.2:%(port)d/f", "http://127.0.0.1:%(other)d/g"]
for (const place of places) {
  fetch(place, {mode: "no-cors"}).catch(() => 0)
  navigator.sendBeacon(place, "x")
  const frame = document.createElement("iframe")
  frame.src = place
  document.body.append(frame)
  try { new WebSocket(place.replace("http", "ws")) } catch (error) {}
}
try { new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.2:%(port)d?transport=tcp"}]})
  .createDataChannel("x") } catch (error) {}
window.open("http://127.0.0.2:%(port)d/h")
setTimeout(() => { location = "http://127.0.0.2:%(port)d/i" }, 300)
</script><iframe src="file:///etc/passwd"></iframe><img src="/seen.jpg">"""


@needs_browser
def test_no_script_reaches_a_forbidden_address(
    site: OddSite, fetcher: Fetcher, inside: list[str], names: Names
) -> None:
    names.answers["inside.example"] = [["127.0.0.2"]]
    with OddSite() as other:
        markup = HOSTILE % {"port": site.port, "other": other.port}
        page = site.add("/page", markup.encode(), Content_Type="text/html")
        renderer = Renderer(CHROMIUM, fetcher, user_agent="somebody/1")
        dom = renderer.dom(page, deadline=time.monotonic() + 15)
        assert other.connections == 0
    assert inside == []
    assert "/page" in [path for path, _ in site.asked]
    assert dom is None or b"root:" not in dom


@pytest.mark.parametrize("command", ["/nowhere/chromium", "false", "true", "cat"])
def test_without_a_working_browser_the_page_is_read_as_it_is(
    command: str, site: OddSite, fetcher: Fetcher
) -> None:
    site.add_image("/1.jpg", jpeg(generated_photo(1)))
    markup = b'<img src="1.jpg"><script></script>'
    page = site.add("/page", markup, Content_Type="text/html")
    renderer = Renderer(command, fetcher, user_agent="somebody/1")
    looker = Looker(fetcher, images_per_page=5, renderer=renderer)
    assert [each.reason for each in looker.look(page, deadline=time.monotonic() + 20)] == [None]


def test_the_scripts_of_a_page_with_enough_images_are_not_run(
    site: OddSite, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    monkeypatch.setattr(Renderer, "dom", lambda _self, url, **_how: rendered.append(url))
    looker = Looker(
        fetcher, images_per_page=5, renderer=Renderer("x", fetcher, user_agent="somebody/1")
    )
    for path, markup in {
        "/many": "<script></script>" + "".join(f"<img src=/{n}.jpg>" for n in range(3)),
        "/none": "<img src=/1.jpg>",
        "/few": "<script></script><img src=/1.jpg>",
        "/guessed": "<script>x = ['1.jpg', '2.jpg', '3.jpg']</script>",
    }.items():
        list(looker.look(site.add(path, markup.encode(), Content_Type="text/html")))
    assert rendered == [f"{site.url}/few", f"{site.url}/guessed"]
