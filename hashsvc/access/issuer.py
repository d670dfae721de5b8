"""
Checks tokens of an OpenID Connect issuer, and fetches the issuer's public keys.

It connects only to the issuer's own address, which the operator has set. It refuses redirects, and
it refuses keys at any other address.
"""

import json
import threading
import time
from typing import Any

import httpx2
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from hashsvc.access.errors import SetupError, UnauthorisedError
from hashsvc.clock import Clock

# Algorithms with a shared secret are left out: an attacker could sign with the issuer's public key
# as the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_MAX_TOKEN_LENGTH = 16_000
_MAX_BYTES = 1_000_000
_TIMEOUT_S = 5
# Tolerated difference between the issuer's clock and ours.
_LEEWAY_S = 10
_log = structlog.get_logger()

KEYS_LAST_S = 600.0
"""Seconds for which fetched keys are trusted, even if the issuer has revoked one since."""

ASK_AGAIN_S = 30.0
"""Fewest seconds between two requests to the issuer, even if tokens name unknown keys."""


class IssuerError(Exception):
    """The issuer's keys cannot be fetched."""


class Issuer:
    """
    Checks the tokens of one issuer.

    Args:
        url: The issuer's URL, exactly as its tokens contain it. It begins with https://; http:// is
            allowed for an address of this machine.

        audience: The audience that tokens must name.

        max_age_s: Seconds after which an issued token is refused.

    Raises:
        SetupError: If the URL is not allowed.
    """

    def __init__(self, url: str, *, audience: str, max_age_s: float, clock: Clock) -> None:
        try:
            self._keys = _Keys(url)
        except IssuerError as error:
            raise SetupError(
                "HASHSVC_OIDC_ISSUER must begin with https://, or be an address of this machine."
            ) from error
        self.url = url
        self._audience = audience
        self._max_age_s = max_age_s
        self._clock = clock

    def read(self, token: str) -> dict[str, Any]:
        """
        Return the claims of a valid token.

        Raises:
            UnauthorisedError: If the issuer did not sign the token, the token is for another
                audience, it has expired, or the issuer's keys cannot be fetched.
        """
        if len(token) > _MAX_TOKEN_LENGTH:
            raise _refused()
        try:
            return self._checked(self._decoded(token))
        except IssuerError as error:
            raise UnauthorisedError(
                "The token cannot be checked: its issuer does not answer."
            ) from error
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise _refused() from error

    def _decoded(self, token: str) -> jwt.Token:
        keys = self._keys.current()
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:
            # The issuer may have new keys.
            return jwt.decode(token, self._keys.refreshed(), algorithms=_ALGORITHMS)

    def _checked(self, token: jwt.Token) -> dict[str, Any]:
        now = int(self._clock().timestamp())
        rules = jwt.JWTClaimsRegistry(
            now=now,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.url},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        rules.validate(token.claims)
        if str(token.header.get("typ", "jwt")).lower() not in _TYPES:
            raise ValueError("The token's type is not allowed.")
        if token.claims["iat"] + self._max_age_s <= now:
            raise ValueError("The token was issued too long ago.")
        return dict(token.claims)


class _Keys:
    """The issuer's public keys, fetched recently."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._origin = _origin_of(issuer)
        self._fetching = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched_at = self._asked_at = float("-inf")

    def current(self) -> KeySet:
        """Return the keys. Fetch them if there are none, or they are too old."""
        return self._younger_than(KEYS_LAST_S)

    def refreshed(self) -> KeySet:
        """Fetch the keys again, unless they were fetched a moment ago, and return them."""
        return self._younger_than(ASK_AGAIN_S)

    def _younger_than(self, seconds: float) -> KeySet:
        with self._fetching:
            now = time.monotonic()
            if now - self._fetched_at >= seconds and now - self._asked_at >= ASK_AGAIN_S:
                self._asked_at = now
                try:
                    self._keys, self._fetched_at = self._fetch(), now
                except IssuerError as error:
                    _log.error("oidc.keys_failed", error=type(error.__cause__ or error).__name__)
            if self._keys is None or now - self._fetched_at >= KEYS_LAST_S:
                raise IssuerError
            return self._keys

    def _fetch(self) -> KeySet:
        try:
            with httpx2.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
                where = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
                configuration = self._json(client, where)
                if configuration["issuer"] != self._issuer:
                    raise IssuerError
                return KeySet.import_key_set(self._json(client, configuration["jwks_uri"]))
        except (httpx2.HTTPError, httpx2.InvalidURL, JoseError) as error:
            raise IssuerError from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise IssuerError from error

    def _json(self, client: httpx2.Client, url: str) -> Any:
        if _origin_of(url) != self._origin:
            raise IssuerError
        body = bytearray()
        with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise IssuerError
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MAX_BYTES:
                    raise IssuerError
        return json.loads(body)


def _origin_of(url: str) -> tuple[str, str, int | None]:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise IssuerError from error
    here = parsed.host in {"127.0.0.1", "::1", "localhost"}
    if not parsed.host or parsed.scheme not in ({"https", "http"} if here else {"https"}):
        raise IssuerError
    return parsed.scheme, parsed.host, parsed.port


def _refused() -> UnauthorisedError:
    return UnauthorisedError(
        "The token is not from the issuer, is not for this service, or has expired."
    )
