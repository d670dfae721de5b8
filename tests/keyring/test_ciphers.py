"""Sealed bytes open only under their own key, in their own context, and unaltered."""

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.keyring import WRAPPED_BYTES, DataKey, KeyEncryptionKey, KeyringError, SealError

PLAIN = b"what nobody may read"


@given(st.binary(max_size=5000), st.text(max_size=30))
def test_sealed_bytes_open_in_their_context(plain: bytes, context: str) -> None:
    key = DataKey.new()
    assert key.open(key.seal(plain, context=context), context=context) == plain


@given(st.text(max_size=300))
def test_a_sealed_text_can_be_opened(text: str) -> None:
    key = DataKey.new()
    sealed = key.seal_text(text, context="here")
    assert sealed.isascii()
    assert key.open_text(sealed, context="here") == text


def test_sealed_bytes_are_aes_256_gcm() -> None:
    """Another program that knows the format and has the key can open them."""
    secret = secrets.token_bytes(32)
    sealed = DataKey(secret).seal(PLAIN, context="row 7")
    assert AESGCM(secret).decrypt(sealed[:12], sealed[12:], b"row 7") == PLAIN
    assert len(sealed) == 12 + len(PLAIN) + 16


def test_the_same_bytes_are_sealed_differently_each_time() -> None:
    key = DataKey.new()
    sealed = {key.seal(PLAIN, context="here") for _ in range(50)}
    assert len({each[:12] for each in sealed}) == 50
    assert len({each[12:] for each in sealed}) == 50


@pytest.mark.parametrize("byte", range(12 + len(PLAIN) + 16))
def test_any_altered_byte_is_found(byte: int) -> None:
    key = DataKey.new()
    sealed = bytearray(key.seal(PLAIN, context="here"))
    sealed[byte] ^= 1
    with pytest.raises(SealError):
        key.open(bytes(sealed), context="here")


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27, 28, 40])
def test_cut_bytes_do_not_open(length: int) -> None:
    key = DataKey.new()
    with pytest.raises(SealError):
        key.open(key.seal(PLAIN, context="here")[:length], context="here")


def test_sealed_bytes_open_in_no_other_context_and_under_no_other_key() -> None:
    key = DataKey.new()
    sealed = key.seal(PLAIN, context="row 1")
    for other, context in ((key, "row 2"), (key, ""), (DataKey.new(), "row 1")):
        with pytest.raises(SealError) as raised:
            other.open(sealed, context=context)
        assert PLAIN.decode() not in str(raised.value)


def test_digests_are_equal_under_the_same_key_only() -> None:
    one, other = DataKey.new(), DataKey.new()
    assert one.digest("a URL") == one.digest("a URL")
    assert len({each.digest(text) for each in (one, other) for text in ("a URL", "another")}) == 4


def test_a_wrapped_key_is_bound_to_its_id_and_to_the_key_that_wrapped_it() -> None:
    kek, other = (KeyEncryptionKey(secrets.token_bytes(32)) for _ in range(2))
    key = DataKey.new()
    wrapped = kek.wrap(key, key_id="first")
    assert len(wrapped) == WRAPPED_BYTES
    sealed = key.seal(PLAIN, context="here")
    assert kek.unwrap(wrapped, key_id="first").open(sealed, context="here") == PLAIN
    for by, key_id in ((kek, "second"), (other, "first")):
        with pytest.raises(KeyringError):
            by.unwrap(wrapped, key_id=key_id)


def test_a_key_always_has_the_same_id_and_no_other_key_has_it() -> None:
    secret = secrets.token_bytes(32)
    assert KeyEncryptionKey(secret).id == KeyEncryptionKey(secret).id
    ids = {KeyEncryptionKey(secrets.token_bytes(32)).id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(bytes.fromhex(each)) == 8 for each in ids)


def test_no_key_shows_itself() -> None:
    secret = secrets.token_bytes(32)
    for each in (DataKey(secret), KeyEncryptionKey(secret)):
        shown = repr(each) + str(each)
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
