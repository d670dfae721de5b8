"""
Time stamps (RFC 3161), by which an authority confirms that some bytes existed at a certain time.

This needs the extra `timestamps`. It opens no connection: the caller passes a function that does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import ModuleType
from typing import TYPE_CHECKING

from cryptography import x509

from hashsvc.audit.errors import BadTimestampError, NoTimestampsError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_GRANTED = 0


@dataclass(frozen=True, slots=True)
class Stamped:
    """
    The contents of a time stamp.

    Attributes:
        verified: Whether a trusted authority signed it; if not, anybody may have made it.
    """

    at: datetime
    verified: bool


def stamp_by(post: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """
    Return a function that gets a time stamp for some bytes.

    Args:
        post: Sends a request (`application/timestamp-query`) to the authority and returns the
            answer.

    Raises:
        NoTimestampsError: If the extra is not installed.
    """
    client = _client()

    def stamp(content: bytes) -> bytes:
        """
        Return the authority's answer, with its certificates.

        Raises:
            BadTimestampError: If the authority refused, or answered another request.
        """
        request = (
            client.TimestampRequestBuilder()
            .data(content)
            .hash_algorithm(client.HashAlgorithm.SHA256)
            .cert_request(cert_request=True)
            .nonce(nonce=True)
            .build()
        )
        answer = post(request.as_bytes())
        if _read(answer, content).tst_info.nonce != request.nonce:
            raise BadTimestampError("The time stamp answers another request.")
        return answer

    return stamp


def check_timestamp(answer: bytes, content: bytes, roots: bytes | None = None) -> Stamped:
    """
    Return the contents of a time stamp, after checking that it is for these bytes.

    Args:
        roots: Certificates (PEM) of trusted authorities; without them, the signature is not
            checked.

    Raises:
        BadTimestampError: If it is for other bytes, or none of these authorities signed it.

        NoTimestampsError: If the extra is not installed.
    """
    client = _client()
    read = _read(answer, content)
    if roots is None:
        return Stamped(read.tst_info.gen_time.astimezone(UTC), verified=False)
    try:
        trusted = dict.fromkeys(x509.load_pem_x509_certificates(roots))
    except ValueError as error:
        raise BadTimestampError("Give trusted authorities as certificates (PEM).") from error
    builder = client.VerifierBuilder()
    for each in trusted:
        builder = builder.add_root_certificate(each)
    try:
        builder.build().verify(read, sha256(content).digest())
    except (client.VerificationError, ValueError) as error:
        raise BadTimestampError("None of the given authorities signed the time stamp.") from error
    return Stamped(read.tst_info.gen_time.astimezone(UTC), verified=True)


def _read(answer: bytes, content: bytes) -> "TimeStampResponse":
    try:
        read: TimeStampResponse = _client().decode_timestamp_response(answer)
        granted = read.status == _GRANTED
        imprint = read.tst_info.message_imprint if granted else None
    except ValueError as error:
        raise BadTimestampError("This is not a time stamp.") from error
    if imprint is None:
        raise BadTimestampError("The authority refused to give a time stamp.")
    if imprint.hash_algorithm != _SHA256 or imprint.message != sha256(content).digest():
        raise BadTimestampError("The time stamp is for other content.")
    return read


def _client() -> ModuleType:
    try:
        import rfc3161_client  # noqa: PLC0415 - an optional extra.
    except ImportError as error:
        raise NoTimestampsError(
            "Time stamps need the extra `timestamps`: pip install 'hashsvc[timestamps]'."
        ) from error
    return rfc3161_client
