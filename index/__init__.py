"""
Hamming search over packed codes. Knows codes and ids; nothing of cases, HTTP or SQL.

`ExactSearch` is the oracle that every other searcher is tested against; `LiveIndex` is what a
service uses.
"""

from index.blockfile import BlockCipher
from index.codes import distances, nearest, pack, unpack
from index.errors import (
    CodeWidthError,
    DuplicateIdError,
    SearchIndexError,
    SegmentError,
)
from index.exact import ExactSearch
from index.groups import count_near
from index.hits import Hits
from index.live import LiveIndex
from index.segment import Engine
from index.votes import Votes
from index.warming import warm_up

__all__ = [
    "BlockCipher",
    "CodeWidthError",
    "DuplicateIdError",
    "Engine",
    "ExactSearch",
    "Hits",
    "LiveIndex",
    "SearchIndexError",
    "SegmentError",
    "Votes",
    "count_near",
    "distances",
    "nearest",
    "pack",
    "unpack",
    "warm_up",
]
