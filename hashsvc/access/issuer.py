"""
The issuer that vouches for people (OpenID Connect): reads its tokens, and fetches its keys.

It is the one address beside reported URLs that the service connects to: the issuer's own, which the
operator has set. A redirect, or keys at another address than the issuer's, is refused.
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

# None of them with a shared secret: with one, the issuer's public key would be such a secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_LONGEST_TOKEN = 16_000
_MAX_BYTES = 1_000_000
_TIMEOUT_S = 5
# Clocks of two machines differ by so much.
_LEEWAY_S = 10
# A key that the issuer has taken back is believed for so long at most.
_KEYS_LAST_S = 600.0
# Whoever sends unknown keys' names makes the service ask the issuer this often, no more.
_ASK_AGAIN_S = 30.0
_log = structlog.get_logger()


class IssuerError(Exception):
    """The issuer's keys cannot be had."""


class Issuer:
    """
    Reads tokens of one issuer.

    Args:
        url: As its tokens name it; https, or http on this machine.

        audience: What its tokens have to be for.

        max_age_s: They are refused so long after they were issued.

    Raises:
        SetupError: If the URL is of another kind.
    """

    def __init__(self, url: str, *, audience: str, max_age_s: float, clock: Clock) -> None:
        try:
            self._keys = _Keys(url)
        except IssuerError as error:
            raise SetupError(
                "HASHSVC_OIDC_ISSUER begins with https://, or is an address of this machine."
            ) from error
        self.url = url
        self._audience = audience
        self._max_age_s = max_age_s
        self._clock = clock

    def read(self, token: str) -> dict[str, Any]:
        """
        Return the claims of a token that is good now.

        Raises:
            UnauthorisedError: If it was not signed by the issuer, is for somebody else, or is over.
        """
        if len(token) > _LONGEST_TOKEN:
            raise _refused()
        try:
            return self._checked(self._decoded(token))
        except IssuerError as error:
            raise UnauthorisedError("The token cannot be checked: its issuer is silent.") from error
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise _refused() from error

    def _decoded(self, token: str) -> jwt.Token:
        keys = self._keys.known()
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:
            # The issuer may have new keys.
            return jwt.decode(token, self._keys.asked_again(), algorithms=_ALGORITHMS)

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
            raise ValueError("A token of another kind.")
        if token.claims["iat"] + self._max_age_s <= now:
            raise ValueError("A token that was issued too long ago.")
        return dict(token.claims)


class _Keys:
    """The issuer's public keys, as it told them not long ago."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._origin = _origin_of(issuer)
        self._asking = threading.Lock()
        self._keys: KeySet | None = None
        self._told_at = self._asked_at = float("-inf")

    def known(self) -> KeySet:
        """Return the keys; the issuer is asked when there are none, or they are old."""
        return self._younger_than(_KEYS_LAST_S)

    def asked_again(self) -> KeySet:
        """Return the keys after having asked the issuer, unless that was just done."""
        return self._younger_than(_ASK_AGAIN_S)

    def _younger_than(self, seconds: float) -> KeySet:
        with self._asking:
            now = time.monotonic()
            if now - self._told_at >= seconds and now - self._asked_at >= _ASK_AGAIN_S:
                self._asked_at = now
                try:
                    self._keys, self._told_at = self._ask(), now
                except IssuerError as error:
                    _log.error("oidc.keys_failed", error=type(error.__cause__ or error).__name__)
            if self._keys is None or now - self._told_at >= _KEYS_LAST_S:
                raise IssuerError
            return self._keys

    def _ask(self) -> KeySet:
        try:
            with httpx2.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
                where = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
                told = self._json(client, where)
                if told["issuer"] != self._issuer:
                    raise IssuerError
                return KeySet.import_key_set(self._json(client, told["jwks_uri"]))
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
    return UnauthorisedError("The token is not the issuer's, is not for this service, or is over.")
