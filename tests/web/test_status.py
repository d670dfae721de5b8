"""The status page shows that the service is up, with correct counts and nothing of any case."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.metadata import version

import pytest
from fastapi.testclient import TestClient

from hashsvc.api import Services, create_app
from hashsvc.bank import NewContent
from hashsvc.scanning import BatchLine, RendererState
from hashsvc.settings import Settings
from hashsvc.signals import Signature, sign_image
from hashsvc.store.ids import KeyId, PublicContentId, random_id
from tests.conftest import generated_photo, jpeg


@pytest.fixture
def services(settings: Settings) -> Services:
    """The services of an empty instance."""
    return Services.build(settings)


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client of the service, without a key."""
    with TestClient(create_app(services)) as opened:
        yield opened


class ParsedPage(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def text_after(self, heading: str) -> str:
        """Return the text after a heading."""
        return self.texts[self.texts.index(heading) + 1]


def new_content(seed: int) -> NewContent:
    """Return a photo's content with the three signals of its whole view."""
    signature = sign_image(jpeg(generated_photo(seed))).whole()
    signals = tuple(each for each in signature.signals if not each.signal.profile.many_per_image)
    return NewContent(PublicContentId(random_id()), Signature(signature.quality, signals))


def counts(client: TestClient) -> tuple[int, int]:
    """Return how many codes are searched and how many URLs wait, as the page shows it."""
    page = ParsedPage(client.get("/").text)
    return int(page.text_after("Codes searched")), int(page.text_after("Reported URLs waiting"))


def test_the_status_is_a_web_page(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = ParsedPage(answer.text)
    assert page.tags[0] == ("html", {"lang": "en"})
    assert {"head", "title", "body", "main", "h1"} <= {tag for tag, _ in page.tags}
    assert page.text_after("Service") == f"up, version {version('hashsvc')}"
    assert "{{" not in answer.text


def test_the_page_and_the_readiness_say_whether_scripts_are_run(
    client: TestClient, settings: Settings
) -> None:
    def shown(opened: TestClient) -> tuple[str, str]:
        page = ParsedPage(opened.get("/").text)
        return opened.get("/ready").json()["renderer"], page.text_after("Scripts of pages")

    assert shown(client) == ("off", "not run, because no browser is set")
    services = Services.build(settings.model_copy(update={"scan_renderer": "false"}))
    renderer = services.scanning.renderer
    assert renderer is not None
    with TestClient(create_app(services)) as opened:
        # `false` is a program that opens no page.
        assert renderer.check() is RendererState.FAILED
        assert shown(opened) == ("failed", "not run, because the browser does not start")
        renderer.state, renderer.reason = RendererState.REFUSED, "Namespaces are forbidden."
        text = "not run, because the browser cannot be isolated. Namespaces are forbidden."
        assert shown(opened) == ("refused", text)
        renderer.state, renderer.reason = RendererState.READY, ""
        assert shown(opened) == ("ready", "run in an isolated browser")


def test_the_page_loads_and_runs_nothing(client: TestClient) -> None:
    html = client.get("/").text
    page = ParsedPage(html)
    attributes = [item for _, found in page.tags for item in found.items()]
    links = [value for name, value in attributes if name in {"href", "src", "action", "srcset"}]
    assert links == ["/docs"]
    assert client.get("/docs").status_code == 200
    loaders = {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not loaders & {tag for tag, _ in page.tags}
    assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"url\(|@import|https?://|//", html)


def test_the_counts_are_right_at_once(client: TestClient, services: Services) -> None:
    assert counts(client) == (0, 0)
    number = services.bank.open_case(adult=True, actor="test").number
    contents = [new_content(seed) for seed in (1, 2)]
    services.bank.add_contents(number, contents, actor="test")
    # The index has PDQ and pHash codes. dHash is only compared after one of them finds a content.
    assert counts(client) == (4, 0)
    urls = [f"http://127.0.0.1:9/{number}" for number in range(3)]
    services.work_list.submit([BatchLine(1, url) for url in urls], actor=KeyId("test"))
    assert counts(client) == (4, 3)
    services.bank.withdraw_content(number, contents[0].public_id, actor="test")
    assert counts(client) == (2, 3)
    while services.scanner.work_once():
        continue
    assert counts(client) == (2, 0)
    services.bank.withdraw_case(number, actor="test")
    assert counts(client) == (0, 0)


def test_the_page_shows_nothing_of_a_case(client: TestClient, services: Services) -> None:
    opened = services.bank.open_case(adult=True, actor="test")
    content = NewContent(PublicContentId(random_id()), sign_image(jpeg(generated_photo(1))).whole())
    services.bank.add_contents(opened.number, [content], actor="test")
    submitted = services.work_list.submit(
        [BatchLine(1, "http://host.example/")], actor=KeyId("test")
    )
    html = client.get("/").text
    private = [opened.number, opened.pin, content.public_id, submitted.scan_id, "host.example"]
    assert [each for each in private if each in html] == []
