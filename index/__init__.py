"""
Hamming search over packed codes.

The package knows codes, ids and owners. It knows nothing of cases, HTTP or SQL.

A service uses `LiveIndex`: add, remove, search, vote, save and load. `ExactSearch` is brute force,
the oracle that every other searcher is tested against.

How it works: a `LiveIndex` consists of parts. New codes go into the tail, a small part that is
searched by brute force. A full tail becomes a sealed part, searched by multi-index hashing, and a
thread merges small sealed parts into larger ones. A removal marks a code as a tombstone, which no
search returns. A search goes through every part and joins the hits.

Where to look:

- The index: `live` (the public class), `part_set` (adding, removing, merging, locks), `part` (one
  part and the tail), `merging` (which parts are merged), `lookup` (ids and owners to positions).
- Search inside a part: `segment` (which engine), `flat` (FAISS), `mih` (multi-index hashing, built
  from `chunking`, `tables`, `radii` and `probe`), `scan` (every code).
- Votes: `votes`, and `vote_probe` for the search behind them. `groups` counts neighbours by group.
- Files: `manifest` (a directory), `blockfile` (one file), `version1` (the old format).
- Basics: `codes`, `hits`, `errors`, `intrinsics`, and `warming`, which compiles all kernels.
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
