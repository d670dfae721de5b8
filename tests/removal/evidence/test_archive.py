"""Archives have only one form; an archive that differs by a bit, or is hostile, is refused."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence import archive
from hashsvc.removal.evidence.archive import pack, unpack

FILES = {"b.txt": b"bee", "a/c.json": b"{}", "a/b/empty": b""}
NAMES = st.from_regex(r"[A-Za-z0-9][a-z0-9.-]{0,8}(/[a-z0-9][a-z0-9.-]{0,8}){0,2}", fullmatch=True)


def zipped(contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive in the form that other programs write."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return out.getvalue()


@given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=5))
def test_unpacking_gives_the_packed_files(contents: dict[str, bytes]) -> None:
    if len({each.lower() for each in contents}) == len(contents):
        assert unpack(pack(contents)) == contents


def test_the_order_of_files_does_not_matter() -> None:
    assert pack(FILES) == pack(dict(reversed(FILES.items())))


def test_other_programs_can_read_an_archive() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(FILES))) as file:
        assert file.testzip() is None
        assert {each: file.read(each) for each in file.namelist()} == FILES
        assert {each.date_time for each in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_archive_with_any_altered_bit_is_refused() -> None:
    whole = pack(FILES)
    for place in range(len(whole)):
        for bit in range(8):
            altered = bytearray(whole)
            altered[place] ^= 1 << bit
            with pytest.raises(BadBundleError):
                unpack(bytes(altered))


def test_an_archive_with_any_missing_or_added_byte_is_refused() -> None:
    whole = pack(FILES)
    for place in range(len(whole)):
        for altered in (
            whole[:place],
            whole[:place] + whole[place + 1 :],
            whole[:place] + b"\x00" + whole[place:],
        ):
            with pytest.raises(BadBundleError):
                unpack(altered)
    with pytest.raises(BadBundleError):
        unpack(whole + b"\x00")
    with pytest.raises(BadBundleError):
        unpack(whole + whole)


def test_an_archive_with_a_comment_is_refused() -> None:
    out = io.BytesIO(pack(FILES))
    with zipfile.ZipFile(out, "a") as file:
        file.comment = b"hello"
    with pytest.raises(BadBundleError, match="not in the form of a bundle"):
        unpack(out.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/passwd",
        "a/../../evil",
        "..",
        "a\\b",
        "C:x",
        "a//b",
        "a/",
        "",
        ".hidden",
        "a/b/c/d/e",
        "né",
        "a b",
        "x" * 121,
        "a\x00b",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(name: str) -> None:
    with pytest.raises(BadBundleError):
        pack({name: b""})
    content = name.encode()
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, len(content), 0)
    with pytest.raises(BadBundleError):
        unpack(local + content)


def test_files_of_the_same_name_are_refused() -> None:
    with pytest.raises(BadBundleError, match="each file name only once"):
        pack({"a": b"", "A": b""})
    body = pack({"a": b"x"})
    entry = body[: body.index(b"PK\x01\x02")]
    with pytest.raises(BadBundleError, match="each file name only once"):
        unpack(entry + body)


def test_a_compressed_archive_is_refused_without_unpacking() -> None:
    """The archive packs a megabyte into less than 2 kB."""
    bomb = zipped({"a.txt": bytes(2**20)}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2000
    with pytest.raises(BadBundleError):
        unpack(bomb)
    with pytest.raises(BadBundleError):
        unpack(zipped({"a.txt": b"x"}))


def test_a_false_size_is_refused() -> None:
    for size in (2**32 - 1, 2**31, 5):
        local = struct.pack(
            "<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(b""), size, size, 1, 0
        )
        with pytest.raises(BadBundleError):
            unpack(local + b"a")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"%PDF"])
def test_other_content_than_an_archive_is_refused(content: bytes) -> None:
    if content == pack({}):
        assert unpack(content) == {}
    else:
        with pytest.raises(BadBundleError):
            unpack(content)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(content: bytes) -> None:
    for each in (content, b"PK\x03\x04" + content):
        if each != pack({}):
            with pytest.raises(BadBundleError):
                unpack(each)


def test_too_many_files_or_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pack({str(number): bytes(10) for number in range(5)})
    monkeypatch.setattr(archive, "MOST_FILES", 4)
    with pytest.raises(BadBundleError, match="at most 4"):
        unpack(whole)
    with pytest.raises(BadBundleError, match="at most 4"):
        pack({str(number): b"" for number in range(5)})
    monkeypatch.setattr(archive, "MOST_FILES", 5)
    unpack(whole)
    monkeypatch.setattr(archive, "MOST_BYTES", 49)
    with pytest.raises(BadBundleError, match="at most 49 bytes"):
        unpack(whole)
    monkeypatch.setattr(archive, "MOST_BYTES", 50)
    unpack(whole)
