"""A path leads to a peak of the tree only from its own entry, and only from that entry's place."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.audit.tree import Blinder, Tree, leads, leaf_of

LEAVES = [hashlib.sha256(bytes([number])).digest() for number in range(70)]


def root_of(leaves: list[bytes]) -> bytes:
    """Return the root of a full tree, computed from the definition, as an oracle."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:half]) + root_of(leaves[half:])).digest()


def grown(count: int, watched: tuple[int, ...] = ()) -> Tree:
    tree = Tree(watched=watched)
    for leaf in LEAVES[:count]:
        tree.add(leaf)
    return tree


@pytest.mark.parametrize("count", [*range(20), 31, 32, 33, 63, 64, 65])
def test_peaks_are_the_roots_of_full_parts(count: int) -> None:
    expected, left = [], LEAVES[:count]
    while left:
        size = 1 << (len(left).bit_length() - 1)
        expected.append(root_of(left[:size]))
        left = left[size:]
    assert list(grown(count).peaks) == expected


def test_a_leaf_and_a_node_have_different_digests() -> None:
    """RFC 9162 does the same. Otherwise the two digests in a node could pass for an entry."""
    words, blind = b"words", bytes(32)
    assert leaf_of(words, blind) == hashlib.sha256(b"\x00" + blind + words).digest()
    assert leaf_of(blind, blind) not in grown(2).peaks


@given(st.integers(1, 70), st.data())
def test_every_entry_leads_to_its_peak(count: int, data: st.DataObject) -> None:
    watched = tuple(data.draw(st.sets(st.integers(1, count), max_size=6)))
    tree = grown(count, watched)
    for seq in watched:
        path = tree.path(seq)
        assert len(path) <= 6
        assert leads(seq, LEAVES[seq - 1], path, peaks=tree.peaks, count=count)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 13])
def test_no_path_leads_from_another_place_or_leaf(count: int) -> None:
    tree = grown(count, tuple(range(1, count + 1)))
    for seq in range(1, count + 1):
        path, leaf = tree.path(seq), LEAVES[seq - 1]
        for other in range(-1, count + 3):
            assert leads(other, leaf, path, peaks=tree.peaks, count=count) == (other == seq)
        assert not leads(seq, LEAVES[69], path, peaks=tree.peaks, count=count)
        assert not leads(seq, leaf, (*path, bytes(32)), peaks=tree.peaks, count=count)
        for level in range(len(path)):
            assert not leads(seq, leaf, path[:level], peaks=tree.peaks, count=count)
            cut = (*path[:level], bytes(32), *path[level + 1 :])
            assert not leads(seq, leaf, cut, peaks=tree.peaks, count=count)
        assert not leads(seq, leaf, path, peaks=tree.peaks[:-1], count=count)


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_can_be_continued_from_its_peaks(first: int, last: int) -> None:
    first, last = sorted((first, last))
    tree = Tree(grown(first).peaks, first)
    for leaf in LEAVES[first:last]:
        tree.add(leaf)
    assert (tree.seq, tree.peaks) == (last, grown(last).peaks)


def test_blinds_differ_by_entry_and_by_secret() -> None:
    """The first blind is HMAC-SHA-256, RFC 4231, test case 2."""
    blind = Blinder(b"Jefe").of(b"what do ya want for nothing?")
    assert blind.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    secrets, words = (b"a" * 32, b"b" * 32), (b"one", b"two")
    assert len({Blinder(secret).of(word) for secret in secrets for word in words}) == 4
