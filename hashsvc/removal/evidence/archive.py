"""
ZIP archives with one way to write them: whatever differs from it by a bit is refused.

Files are stored as they are, in the order of their names, with one fixed date; so nothing is packed
that could burst, and an archive is read by taking its files out and writing it anew.
"""

import re
import struct
import zlib
from collections.abc import Mapping

from hashsvc.removal.errors import BadBundleError

MOST_FILES = 20_000
MOST_BYTES = 256 * 2**20
ARCHIVE = "the archive"

# No name leads out of the folder that it is unpacked in, or differs from another by case alone.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9][A-Za-z0-9.-]*){0,3}")
_LONGEST_NAME = 120
# More than headers, names and the directory take of any file.
_OVERHEAD_BYTES = 512
# PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION, _UNIX = 20, 3 << 8
_FIRST_OF_1980 = 1 << 5 | 1
_OWNER_READS = 0o100600 << 16


def pack(contents: Mapping[str, bytes]) -> bytes:
    """
    Return an archive of some files; the same files give the same bytes.

    Raises:
        BadBundleError: If there are too many, they are too large, or one has another name.
    """
    _check_names(list(contents))
    if sum(map(len, contents.values())) > MOST_BYTES:
        raise BadBundleError(ARCHIVE, f"has at most {MOST_BYTES} bytes")
    body, directory = bytearray(), bytearray()
    for name in sorted(contents):
        content, at = contents[name], len(body)
        size, check = len(content), zlib.crc32(content)
        common = (_VERSION, 0, 0, 0, _FIRST_OF_1980, check, size, size, len(name), 0)
        body += _LOCAL.pack(_LOCAL_MARK, *common) + name.encode("ascii") + content
        directory += _CENTRAL.pack(
            _CENTRAL_MARK, _UNIX | _VERSION, *common, 0, 0, 0, _OWNER_READS, at
        )
        directory += name.encode("ascii")
    count = len(contents)
    end = _END.pack(_END_MARK, 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def unpack(archive: bytes) -> dict[str, bytes]:
    """
    Return the files of an archive that `pack` has written.

    Raises:
        BadBundleError: If it is another, or anything of it was altered but a file's content.
    """
    if len(archive) > MOST_BYTES + MOST_FILES * _OVERHEAD_BYTES:
        raise BadBundleError(ARCHIVE, f"has at most {MOST_BYTES} bytes")
    contents: dict[str, bytes] = {}
    at = 0
    while archive[at : at + 4] == _LOCAL_MARK:
        if len(contents) >= MOST_FILES or at + _LOCAL.size > len(archive):
            raise BadBundleError(ARCHIVE, f"has at most {MOST_FILES} whole files")
        *_, size, name_bytes, _ = _LOCAL.unpack_from(archive, at)
        begin = at + _LOCAL.size + name_bytes
        try:
            name = archive[at + _LOCAL.size : begin].decode("ascii")
        except UnicodeDecodeError as error:
            raise BadBundleError(ARCHIVE, "has names of plain letters, digits, . and -") from error
        if name in contents:
            raise BadBundleError(ARCHIVE, "has each file once")
        at = begin + size
        contents[name] = archive[begin:at]
    # Marks, dates, sizes, checksums, the directory, what stands before, between and behind.
    if pack(contents) != archive:
        raise BadBundleError(ARCHIVE, "is not written as a bundle is, or was altered")
    return contents


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_FILES:
        raise BadBundleError(ARCHIVE, f"has at most {MOST_FILES} whole files")
    if len({each.lower() for each in names}) != len(names):
        raise BadBundleError(ARCHIVE, "has each file once")
    for each in names:
        if len(each) > _LONGEST_NAME or not _NAME.fullmatch(each):
            raise BadBundleError(ARCHIVE, "has names of plain letters, digits, . and -")
