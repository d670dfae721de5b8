"""
Writes and reads ZIP archives in exactly one form. An archive in any other form is refused.

Files are sorted by name and have one fixed date. They are not compressed, so an archive cannot be a
decompression bomb. To check an archive, `unpack` takes out its files, packs them again, and
compares the result with the archive.
"""

import re
import struct
import zlib
from collections.abc import Mapping

from hashsvc.removal.errors import BadBundleError

MOST_FILES = 20_000
MOST_BYTES = 256 * 2**20
ARCHIVE = "the archive"

# A name of this form cannot lead out of the folder in which the archive is unpacked.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9][A-Za-z0-9.-]*){0,3}")
_LONGEST_NAME = 120
# An upper bound of the bytes that headers, names and the directory need for one file.
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
    Return an archive of some files. The same files give the same bytes.

    Raises:
        BadBundleError: If the files are too many or too large, or a name is not allowed.
    """
    _check_names(list(contents))
    if sum(map(len, contents.values())) > MOST_BYTES:
        raise BadBundleError(ARCHIVE, f"may have at most {MOST_BYTES} bytes")
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
    Return the files of an archive that `pack` wrote.

    Raises:
        BadBundleError: If the archive is not in the form that `pack` writes. The form does not show
            whether the contents are the original ones; the caller checks that.
    """
    if len(archive) > MOST_BYTES + MOST_FILES * _OVERHEAD_BYTES:
        raise BadBundleError(ARCHIVE, f"may have at most {MOST_BYTES} bytes")
    contents: dict[str, bytes] = {}
    at = 0
    while archive[at : at + 4] == _LOCAL_MARK:
        if len(contents) >= MOST_FILES or at + _LOCAL.size > len(archive):
            raise BadBundleError(ARCHIVE, f"may have at most {MOST_FILES} files, none cut short")
        *_, size, name_bytes, _ = _LOCAL.unpack_from(archive, at)
        begin = at + _LOCAL.size + name_bytes
        try:
            name = archive[at + _LOCAL.size : begin].decode("ascii")
        except UnicodeDecodeError as error:
            raise BadBundleError(
                ARCHIVE, "may have names of ASCII letters, digits, . and - only"
            ) from error
        if name in contents:
            raise BadBundleError(ARCHIVE, "may have each file name only once, ignoring case")
        at = begin + size
        contents[name] = archive[begin:at]
    # Packing again checks marks, dates, sizes, checksums, the directory and any stray bytes.
    if pack(contents) != archive:
        raise BadBundleError(ARCHIVE, "is not in the form of a bundle, or was altered")
    return contents


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_FILES:
        raise BadBundleError(ARCHIVE, f"may have at most {MOST_FILES} files")
    if len({each.lower() for each in names}) != len(names):
        raise BadBundleError(ARCHIVE, "may have each file name only once, ignoring case")
    for each in names:
        if len(each) > _LONGEST_NAME or not _NAME.fullmatch(each):
            raise BadBundleError(ARCHIVE, "may have names of ASCII letters, digits, . and - only")
