"""Failures have named reasons, the facts of answers are recorded, and requests reveal little."""

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from hashsvc.scanning import Fetcher
from hashsvc.settings import Settings
from tests.helpers.waiting import wait_until
from tests.scanning.support import Names, OddSite, refused

PUBLIC = "93.184.215.14"
ANY_PORT = frozenset(range(1, 65536))

STATUSES = {
    "later": (408, 425, 429, 500, 502, 503, 504),
    "never": (204, 206, 300, 304, 400, 401, 403, 404, 410, 418, 451, 501, 505),
}


@pytest.mark.parametrize(
    ("status", "retry"),
    [(status, when == "later") for when, several in STATUSES.items() for status in several],
)
def test_the_status_decides_whether_to_retry(
    status: int, retry: bool, site: OddSite, fetcher: Fetcher
) -> None:
    error = refused(fetcher, site.add("/", status=status))
    assert (error.reason, error.retry) == (f"http-{status}", retry)


WAITS = {
    (429, "7"): 7,
    (429, "99999999"): 3600,
    (503, "7"): 7,
    (503, None): None,
    (503, "nonsense"): None,
    (404, "7"): None,
}


@pytest.mark.parametrize(("status", "header"), WAITS)
def test_a_retry_after_header_is_read(
    status: int, header: str | None, site: OddSite, fetcher: Fetcher
) -> None:
    url = (
        site.add("/", status=status, Retry_After=header) if header else site.add("/", status=status)
    )
    assert refused(fetcher, url).retry_after == WAITS[status, header]


def test_a_host_that_answers_429_gets_no_more_requests(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    names.answers["other.example"] = [["127.0.0.1"]]
    site.add("/good", b"here")
    refused(fetcher, site.add("/busy", status=503, Retry_After="60"))
    assert fetcher.get(f"{site.url}/good").body == b"here"
    refused(fetcher, site.add("/often", status=429, Retry_After="60"))
    error = refused(fetcher, f"{site.url}/good")
    assert (error.reason, error.retry) == ("asked-to-wait", True)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 60
    assert len(site.asked) == 3
    assert fetcher.get(f"http://other.example:{site.port}/good").body == b"here"


def test_downloads_from_one_host_are_limited(site: OddSite, change: Callable[..., Fetcher]) -> None:
    go_on = threading.Event()

    def by(handler: BaseHTTPRequestHandler) -> None:
        assert go_on.wait(30)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fetcher = change(fetch_downloads_per_host=2, fetch_total_s=60, fetch_timeout_s=60)
    url = site.answer("/", by)
    threads = [threading.Thread(target=fetcher.get, args=(url,)) for _ in range(2)]
    for each in threads:
        each.start()
    wait_until(lambda: len(site.asked) == 2)
    late = refused(fetcher, url, deadline=time.monotonic() + 0.2)
    assert (late.reason, len(site.asked)) == ("timeout", 2)
    go_on.set()
    for each in threads:
        each.join()
    fetcher.get(url)


BROKEN = {
    "nothing": b"",
    "nonsense": b"nonsense\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "long headers": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_that_is_not_http_or_is_cut_off_is_retried(
    answer: bytes, site: OddSite, fetcher: Fetcher
) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    error = refused(fetcher, site.answer("/", by))
    assert (error.reason, error.retry) == ("broken-answer", True)


def test_a_refused_connection_is_retried(fetcher: Fetcher) -> None:
    with OddSite() as gone:
        url = f"{gone.url}/"
    error = refused(fetcher, url)
    assert (error.reason, error.retry) == ("connection-failed", True)


def test_https_to_a_server_that_does_not_speak_it_fails(site: OddSite, fetcher: Fetcher) -> None:
    assert refused(fetcher, f"https://127.0.0.1:{site.port}/").reason == "connection-failed"


def test_a_certificate_must_be_for_the_host_name(
    names: Names, change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, bool, ssl.VerifyMode]] = []

    class Stream(httpcore2.NetworkStream):
        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore2.NetworkStream:
            asked.append((server_hostname, ssl_context.check_hostname, ssl_context.verify_mode))
            raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", lambda *_rest: Stream())
    names.answers["named.example"] = [[PUBLIC]]
    fetcher = change(fetch_networks=())
    assert refused(fetcher, "https://named.example/").reason == "connection-failed"
    assert asked == [("named.example", True, ssl.CERT_REQUIRED)]


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[tuple[OddSite, Path, bytes]]:
    """Yield a site over TLS, the file of its certificate, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with OddSite() as site:
        site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
        yield site, file, certificate.public_bytes(serialization.Encoding.DER)


def test_the_record_holds_the_certificate(
    secure_site: tuple[OddSite, Path, bytes],
    names: Names,
    change: Callable[..., Fetcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, file, certificate = secure_site
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    names.answers |= {"secure.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    site.add("/", b"here")
    fetcher = change()
    for _ in range(2):  # The second download reuses the connection of the first.
        facts = fetcher.get(f"https://secure.example:{site.port}/").facts
        assert facts["certificate_sha256"] == hashlib.sha256(certificate).hexdigest()
        assert facts["address"] == "127.0.0.1"
    error = refused(fetcher, f"https://other.example:{site.port}/")
    assert (error.reason, error.retry) == ("bad-certificate", False)


def test_a_self_signed_certificate_is_refused(
    secure_site: tuple[OddSite, Path, bytes], names: Names, fetcher: Fetcher
) -> None:
    site, _, _ = secure_site
    names.answers["secure.example"] = [["127.0.0.1"]]
    site.add("/", b"here")
    assert refused(fetcher, f"https://secure.example:{site.port}/").reason == "bad-certificate"
    assert site.asked == []


def test_the_record_holds_what_the_server_said(site: OddSite, fetcher: Fetcher) -> None:
    site.add("/a", status=301, Location="/b")
    site.add("/b", status=302, Location="/c?d")
    site.add(
        "/c?d",
        b"here",
        Content_Type="Image/JPEG; a=b",
        Last_Modified="Tue, 01 Jan 2030 00:00:00 GMT",
        ETag='"' + "x" * 1000 + '"',
        Set_Cookie="sekrit=1",
        X_Other="sekrit",
    )
    facts = dict(fetcher.get(f"{site.url}/a").facts)
    headers, fetched_at = facts.pop("headers"), facts.pop("fetched_at")
    assert isinstance(headers, dict)
    assert isinstance(fetched_at, str)
    age = datetime.now(UTC) - datetime.fromisoformat(fetched_at)
    assert timedelta() <= age < timedelta(minutes=5)
    assert facts == {
        "url": f"{site.url}/c?d",
        "status": 200,
        "address": "127.0.0.1",
        "redirects": [
            {"url": f"{site.url}/a", "status": 301},
            {"url": f"{site.url}/b", "status": 302},
        ],
    }
    assert headers.pop("date")
    assert headers.pop("server")
    assert headers == {
        "content-type": "Image/JPEG; a=b",
        "content-length": "4",
        "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT",
        "etag": '"' + "x" * 299,
    }
    assert "sekrit" not in json.dumps(facts)


def test_no_cookie_and_no_referrer_is_sent(site: OddSite, fetcher: Fetcher) -> None:
    site.add("/a", status=302, Location="/b", Set_Cookie="id=1; Path=/")
    site.add("/b", b"here", Set_Cookie="id=2")
    for _ in range(2):
        fetcher.get(f"{site.url}/a")
    assert [path for path, _ in site.asked] == ["/a", "/b", "/a", "/b"]
    for _, headers in site.asked:
        assert sorted(name.lower() for name in headers) == [
            "accept",
            "accept-encoding",
            "host",
            "user-agent",
        ]


def test_the_scanner_sends_its_user_agent(site: OddSite, change: Callable[..., Fetcher]) -> None:
    site.add("/")
    change(fetch_user_agent="somebody/1").get(f"{site.url}/")
    assert site.asked[0][1]["User-Agent"] == "somebody/1"


@pytest.mark.parametrize("name", ["", " ", "égalité/1", "a\r\nCookie: b", "a\tb", "a "])
def test_a_user_agent_must_fit_into_a_header(name: str) -> None:
    with pytest.raises(ValidationError, match="fetch_user_agent"):
        Settings(fetch_user_agent=name, _env_file=None)


def test_no_error_repeats_the_url(
    site: OddSite, names: Names, change: Callable[..., Fetcher]
) -> None:
    names.answers |= {
        "sekrit.example": [["10.0.0.1"]],
        "sekrit-open.example": [["127.0.0.1"]],
        "sekrit-none.example": [["127.0.0.2"]],
    }
    fetcher = change(fetch_max_bytes=1000, fetch_redirects=0)
    here = f"http://sekrit-open.example:{site.port}"
    site.add("/sekrit/large", bytes(1001))
    site.add("/sekrit/packed", b"sekrit", Content_Encoding="gzip")
    site.add("/sekrit/away", status=302, Location="/sekrit/on")
    site.add("/sekrit/wrong", status=302, Location="ftp://sekrit.example/")
    site.answer("/sekrit/bad", lambda handler: handler.wfile.write(b"sekrit\r\n\r\n"))
    urls = {
        f"{here}/sekrit/large": "too-large",
        f"{here}/sekrit/packed": "broken-answer",
        f"{here}/sekrit/bad": "broken-answer",
        f"{here}/sekrit/away": "too-many-redirects",
        f"{here}/sekrit/wrong": "bad-url",
        f"{here}/sekrit/missing": "http-404",
        f"http://sekrit-none.example:{site.port}/": "connection-failed",
        f"http://{'sekrit' * 20}.example:{site.port}/": "unknown-host",
        "http://sekrit.example:8000/": "forbidden-address",
        "http://sekrit@a.example/": "bad-url",
        "http://256.256.256.256/sekrit": "bad-url",
        "http://sekrit☃.example/": "unknown-host",
    }
    errors = [refused(fetcher, url) for url in urls]
    assert [each.reason for each in errors] == list(urls.values())
    errors.append(refused(fetcher, f"{here}/sekrit", deadline=time.monotonic()))
    for each in errors:
        assert each.args == (each.reason,)
        shown = {"reason": each.reason, "retry": each.retry, "retry_after": None}
        # The error's text does not repeat the facts that it carries.
        assert vars(each) == shown | {"facts": each.facts}
        assert "sekrit" not in f"{each} {each!r}"


def test_the_repr_of_a_download_shows_nothing_of_it(site: OddSite, fetcher: Fetcher) -> None:
    fetched = fetcher.get(site.add("/sekrit", b"sekrit"))
    assert "sekrit" not in repr(fetched)
