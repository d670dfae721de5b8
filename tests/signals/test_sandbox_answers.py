"""A worker's answer is checked field by field, because an attacker may control the worker."""

import json

import pytest

from hashsvc.signals import Limits, NotAnImageError, SignedFrames
from hashsvc.signals.answers import read_answer

LIMITS = Limits(max_seconds=20, max_frames=8)


def frame(**changes: object) -> dict[str, object]:
    return {"quality": 80, "groups": [["pdq1", "whole", 1], ["dhash1", "whole", 2]], **changes}


CODES = bytes(range(48))


def test_an_answer_is_read_field_by_field() -> None:
    header = json.dumps({"frames": [frame()], "skipped": 3}).encode()
    answer = read_answer(header, CODES, LIMITS)
    assert isinstance(answer, SignedFrames)
    assert answer.skipped == 3
    (signature,) = answer
    assert signature.quality == 80
    assert [(each.signal.algorithm, each.signal.code) for each in signature.signals] == [
        ("pdq1", CODES[:32]),
        ("dhash1", CODES[32:40]),
        ("dhash1", CODES[40:]),
    ]
    error = json.dumps({"error": "NotAnImageError", "message": "Because."}).encode()
    assert isinstance(read_answer(error, b"", LIMITS), NotAnImageError)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"frames": [], "skipped": 0},
        {"frames": None, "skipped": 0},
        {"frames": [{}], "skipped": 0},
        {"frames": [frame(quality=101)], "skipped": 0},
        {"frames": [frame(quality=-1)], "skipped": 0},
        {"frames": [frame(quality="80")], "skipped": 0},
        {"frames": [frame(quality=8.5)], "skipped": 0},
        {"frames": [frame(groups=None)], "skipped": 0},
        {"frames": [frame(groups=[])], "skipped": 0},
        {"frames": [frame(groups=[["pdq1", "whole", 1]])], "skipped": 0},
        {"frames": [frame(groups=[["pdq1", "whole", 1], ["dhash1", "whole", 3]])], "skipped": 0},
        {"frames": [frame(groups=[["pdq1", "whole", 2]])], "skipped": 0},
        {"frames": [frame(groups=[["pdq1", "whole", 1], ["dhash1", "whole", -2]])], "skipped": 0},
        {"frames": [frame(groups=[["pdq1", "whole", 1], ["dhash1", "whole", 0]])], "skipped": 0},
        {"frames": [frame(groups=[["dhash1", "whole", 10**30]])], "skipped": 0},
        {"frames": [frame(groups=[["md5", "whole", 3]])], "skipped": 0},
        {"frames": [frame(groups=[["dhash1", "inner", 6]])], "skipped": 0},
        {"frames": [frame(groups=[["dhash1", "whole", 6, 7]])], "skipped": 0},
        {"frames": [frame(groups=[[["dhash1"], "whole", 6]])], "skipped": 0},
        {"frames": [frame()]},
        {"frames": [frame()], "skipped": -1},
        {"frames": [frame()], "skipped": 1.5},
        {"frames": [frame()], "skipped": 10**30},
        {"error": "SystemExit", "message": "x"},
        {"error": "ImageError", "message": "x"},
        {"error": "NotAnImageError", "message": "x" * 201},
        {"error": "NotAnImageError", "message": "x\n\x1b[2J"},
        {"error": "NotAnImageError", "message": 7},
        {"error": ["NotAnImageError"], "message": "x"},
    ],
    ids=json.dumps,
)
def test_nothing_else_is_an_answer(told: object) -> None:
    with pytest.raises(ValueError, match="invalid answer"):
        read_answer(json.dumps(told).encode(), CODES, LIMITS)


def test_an_answer_has_at_most_max_frames() -> None:
    for frames in (8, 9):
        header = json.dumps({"frames": [frame()] * frames, "skipped": 0}).encode()
        if frames == LIMITS.max_frames:
            answer = read_answer(header, CODES * frames, LIMITS)
            assert isinstance(answer, list)
            assert len(answer) == frames
        else:
            with pytest.raises(ValueError, match="invalid answer"):
                read_answer(header, CODES * frames, LIMITS)


@pytest.mark.parametrize(
    "header", [b"", b"{", b"\xff\xfe{\0}\0", b"[" * 16_000, b"1" * 16_000, b'{"frames":NaN}']
)
def test_what_is_no_json_is_no_answer(header: bytes) -> None:
    with pytest.raises(ValueError, match="invalid answer"):
        read_answer(header, b"", LIMITS)
