"""An OpenID Connect issuer on loopback, which signs the tokens of people."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey

from tests.helpers.set_clock import SetClock

AUDIENCE = "hashsvc"
NAME = "canary@people.example"


class FakeIssuer:
    """An issuer on loopback. Tests can change its configuration and its keys."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.published: list[Key] = [self.key]
        self.configuration: dict[str, Any] = {}
        self.requests = 0
        self.down = False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.requests += 1
                found = fake.answers().get(self.path)
                self.send_response(503 if fake.down or found is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/realm"

    def answers(self) -> dict[str, Any]:
        configuration = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.configuration
        keys = KeySet(list(self.published)).as_dict(private=False)
        return {"/realm/.well-known/openid-configuration": configuration, "/realm/keys": keys}

    def claims(self, **other: Any) -> dict[str, Any]:
        """Return valid claims with some changed; None removes a claim."""
        now = int(self.clock().timestamp())
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": NAME,
            "iat": now,
            "exp": now + 300,
            "groups": ["staff", "case-workers"],
            "email": NAME,
            "name": NAME,
        }
        return {key: value for key, value in (good | other).items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **other: Any) -> str:
        """Return a valid token, or one with some parts changed."""
        header = {"alg": "RS256", "kid": "one"} | (header or {})
        algorithms = [header["alg"]]
        return jwt.encode(header, self.claims(**other), key or self.key, algorithms=algorithms)


@contextmanager
def running(made: FakeIssuer) -> Iterator[FakeIssuer]:
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
