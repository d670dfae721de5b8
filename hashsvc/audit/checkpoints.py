"""Checkpoints, signed states of the log, and the Ed25519 keys that sign and check them."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hashsvc.audit.errors import BadSignatureError, MalformedError
from hashsvc.audit.tree import HASH_BYTES, Blinder

# Signed texts begin with their kind, so that no other text can pass for a checkpoint. Checkpoints
# of the first kind are older than the tree.
_KIND_WITHOUT_TREE = "hashsvc audit checkpoint 1"
_KIND = "hashsvc audit checkpoint 2"
_BLINDS = b"hashsvc audit blinds 1"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """
    A signed statement about the log at one time: how many entries it had (`seq`), and which ones.

    Attributes:
        digest: The digest of the last entry; all zeros if the log was empty.

        peaks: The peaks of the tree over the entries; None if the checkpoint is older than the
            tree.
    """

    seq: int
    digest: bytes
    at: datetime
    signature: bytes
    peaks: tuple[bytes, ...] | None = None

    def as_json(self) -> dict[str, str | int | list[str]]:
        """Return the checkpoint as JSON values; bytes are written in hexadecimal digits."""
        values: dict[str, str | int | list[str]] = {
            "seq": self.seq,
            "digest": self.digest.hex(),
            "at": moment(self.at),
            "signature": self.signature.hex(),
        }
        if self.peaks is not None:
            values["peaks"] = [each.hex() for each in self.peaks]
        return values

    def dump(self) -> str:
        """Return the checkpoint as one line of JSON, without a newline."""
        return json.dumps(self.as_json(), separators=(",", ":"))

    @classmethod
    def parse(cls, values: Any) -> Self:
        """
        Return the checkpoint from JSON values.

        Raises:
            MalformedError: If the values are not a checkpoint.
        """
        try:
            made = cls(
                seq=int(values["seq"]),
                digest=bytes.fromhex(values["digest"]),
                at=datetime.fromisoformat(values["at"]),
                signature=bytes.fromhex(values["signature"]),
                peaks=_peaks(values),
            )
            moment(made.at)
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedError("This is not a checkpoint.") from error
        return made


class PublicKey:
    """A public key, which checks signatures; its text may be given to anybody."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def __str__(self) -> str:
        return base64.b64encode(self._key.public_bytes_raw()).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Return the key from its text.

        Raises:
            MalformedError: If the text is not a public key.
        """
        try:
            return cls(Ed25519PublicKey.from_public_bytes(_decoded(text)))
        except ValueError as error:
            raise MalformedError("A public key is 32 bytes, written as base64.") from error

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key's 32 bytes in hexadecimal digits, for people to compare."""
        return hashlib.sha256(self._key.public_bytes_raw()).hexdigest()

    def check(self, checkpoint: Checkpoint) -> None:
        """
        Check that this key signed a checkpoint.

        Raises:
            BadSignatureError: If another key signed it, or it was altered afterwards.
        """
        try:
            self._key.verify(checkpoint.signature, _checkpoint_to_sign(checkpoint))
        except InvalidSignature as error:
            raise BadSignatureError(
                f"The checkpoint of entry {checkpoint.seq} was signed by another key, or altered."
            ) from error

    def check_content(self, kind: str, content: bytes, signature: bytes) -> None:
        """
        Check that this key signed some bytes with `SigningKey.sign_content`.

        Raises:
            BadSignatureError: If another key signed them, if they were signed as another kind, or
                if they were altered.
        """
        try:
            self._key.verify(signature, _content_to_sign(kind, content))
        except InvalidSignature as error:
            raise BadSignatureError(f"The {kind} was signed by another key, or altered.") from error


class SigningKey:
    """The key that signs checkpoints; it is stored in a file that only its owner may read."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def at(cls, path: Path) -> Self:
        """
        Return the key in a file; create the file with a new key if it does not exist.

        Raises:
            MalformedError: If the file holds no key, others may read it, or it cannot be read or
                created.
        """
        try:
            if not path.exists():
                _make(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise MalformedError(
                    "Others may read the audit log's signing key. Set the file's mode to 0600."
                )
            return cls(Ed25519PrivateKey.from_private_bytes(_decoded(path.read_text("ascii"))))
        except ValueError as error:
            raise MalformedError("A signing key must be 32 bytes, written as base64.") from error
        except OSError as error:
            raise MalformedError(
                f"The audit log's signing key cannot be read or created ({error.strerror})."
            ) from error

    def public(self) -> PublicKey:
        """Return the key that checks what this one signs."""
        return PublicKey(self._key.public_key())

    def blinder(self) -> Blinder:
        """Return the blinder for the log's entries, whose secret is derived from this key."""
        return Blinder(hmac.digest(self._key.private_bytes_raw(), _BLINDS, "sha256"))

    def sign(
        self, seq: int, digest: bytes, at: datetime, peaks: tuple[bytes, ...] | None = None
    ) -> Checkpoint:
        """Return a signed checkpoint."""
        unsigned = Checkpoint(seq, digest, at, b"", peaks)
        return replace(unsigned, signature=self._key.sign(_checkpoint_to_sign(unsigned)))

    def sign_content(self, kind: str, content: bytes) -> bytes:
        """Return the signature of some bytes; it is valid for this kind, never for a checkpoint."""
        return self._key.sign(_content_to_sign(kind, content))


def moment(at: datetime) -> str:
    """Return a time in the spelling that is hashed and signed."""
    if at.tzinfo is None:
        raise ValueError("A time must have a time zone.")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _checkpoint_to_sign(checkpoint: Checkpoint) -> bytes:
    kind = _KIND_WITHOUT_TREE if checkpoint.peaks is None else _KIND
    body: list[object] = [kind, checkpoint.seq, checkpoint.digest.hex(), moment(checkpoint.at)]
    if checkpoint.peaks is not None:
        body.append([each.hex() for each in checkpoint.peaks])
    return json.dumps(body, separators=(",", ":")).encode()


def _content_to_sign(kind: str, content: bytes) -> bytes:
    body = [f"hashsvc {kind}", hashlib.sha256(content).hexdigest()]
    return json.dumps(body, separators=(",", ":")).encode()


def _peaks(values: Any) -> tuple[bytes, ...] | None:
    if "peaks" not in values:
        return None
    peaks = tuple(bytes.fromhex(each) for each in values["peaks"])
    if len(peaks) != int(values["seq"]).bit_count() or any(len(e) != HASH_BYTES for e in peaks):
        raise ValueError("The number or the length of the peaks is wrong.")
    return peaks


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ValueError("The text is not base64.") from error
    if len(key) != _KEY_BYTES:
        raise ValueError(f"A key must have {_KEY_BYTES} bytes.")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails if another process has just created the file; a rename would replace it.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
