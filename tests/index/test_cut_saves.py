"""A save that is interrupted anywhere leaves the old state or the new one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index import LiveIndex, part_set
from tests.index.made import uniform
from tests.index.saved import KEY, files, made, state

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _small_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_set, "TAIL_CODES", 64)


class Cut(BaseException):
    """Raised where the machine stops."""


CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir")


def stopping(patch: pytest.MonkeyPatch, after: int, *, lossy: bool) -> list[str]:
    """
    Make the machine stop after some calls that change files; return the list of calls so far.

    Args:
        after: Number of calls that succeed.

        lossy: Whether the machine then loses half of each file that was not flushed.
    """
    done: list[str] = []
    unflushed: dict[int, Path] = {}

    def stop() -> None:
        for path in unflushed.values() if lossy else ():
            # The file may have been renamed since.
            now = path if path.exists() else path.with_suffix("")
            os.truncate(now, now.stat().st_size // 2)
        raise Cut

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **more: Any) -> Any:
            if len(done) >= after:
                stop()
            done.append(name)
            result = call(*arguments, **more)
            if name == "open" and arguments[1] & os.O_WRONLY:
                unflushed[result] = Path(arguments[0])
            elif name == "fsync":
                unflushed.pop(arguments[0], None)
            return result

        return stand_in

    for name in CALLS:
        patch.setattr(os, name, counted(name, getattr(os, name)))
    return done


@pytest.mark.parametrize("lossy", [False, True])
def test_an_interrupted_save_leaves_the_old_state_or_the_new(
    lossy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop after each call that changes a file, with and without loss of unflushed bytes."""
    seen = set()
    for after in range(1000):
        directory = tmp_path / str(after)
        index, _ = made(200)
        index.save(directory)
        old = state(index)
        index.remove([7, 150])
        index.add(np.arange(1000, 1080), uniform(80, 32, np.random.default_rng(1)))
        index.feed_position += 1
        new = state(index)
        with monkeypatch.context() as patch:
            done = stopping(patch, after, lossy=lossy)
            try:
                index.save(directory)
                finished = True
            except Cut:
                finished = False
        loaded = LiveIndex.load(directory)
        assert state(loaded) in (old, new)
        seen.add(state(loaded)[0])
        # The next save deletes what the dead process left behind.
        loaded.save(directory)
        assert len(files(directory)) == len(loaded.parts) + 1
        assert state(LiveIndex.load(directory)) == state(loaded)
        if finished:
            break
    assert seen == {200, 201}
    assert {"open", "write", "fsync", "unlink"} <= set(done)


def test_each_step_is_flushed_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step begins only after a new name was flushed with its directory."""
    index, _ = made()
    index.save(tmp_path)
    index.add(np.array([5000]), np.zeros((1, 32), np.uint8))
    with monkeypatch.context() as patch:
        done = stopping(patch, 10**6, lossy=False)
        index.save(tmp_path)
    steps = [each for each in done if each in {"fsync", "replace", "rename", "unlink"}]
    # Write the new tail, then the manifest, and then delete the old tail.
    assert steps == ["fsync", "replace", "fsync"] * 2 + ["unlink", "fsync"]


KILLED = """
import os, sys, numpy as np
from pathlib import Path
from index import LiveIndex, part_set
from tests.index.made import Aes
part_set.TAIL_CODES = 64

def work(directory, out):
    cipher = Aes(bytes(32))
    try:
        index = LiveIndex.load(directory, cipher=cipher)
    except Exception:
        assert not (directory / "manifest.hsx").exists()
        index = LiveIndex(64)
    while True:
        step = index.feed_position
        ids = np.arange(step * 20, step * 20 + 20)
        index.add(ids, (ids[:, None] >> np.arange(0, 64, 8) & 255).astype(np.uint8))
        index.remove(ids[:7] - 20 * 5)
        if step % 5 == 0:
            index.settle()
        index.feed_position = step + 1
        if step % 7 == 0:
            index.purge()
        index.save(directory, cipher=cipher)
        os.write(out, b"%d\\n" % index.feed_position)

# Compile and load everything before the first fork.
index = LiveIndex(64)
index.close()
index.add(np.arange(200), np.zeros((200, 8), np.uint8))
index.remove([1])
index.purge()

for line in sys.stdin:
    child = os.fork()
    if not child:
        os.write(1, b"child %d\\n" % os.getpid())
        work(Path(sys.argv[1]), 1)
    print("dead", os.waitpid(child, 0)[1], flush=True)
"""


def until_killed(runner: subprocess.Popen[str], last: int, saves: int, delay_s: float) -> int:
    """Let a process save some times, then kill it; return the last position it had saved."""
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write("go\n")
    runner.stdin.flush()
    child = int(runner.stdout.readline().removeprefix("child"))
    killing: threading.Timer | None = None
    for line in runner.stdout:
        if line.startswith("dead"):
            assert int(line.removeprefix("dead")) == signal.SIGKILL
            break
        promised = int(line)
        if promised >= last + saves and killing is None:
            killing = threading.Timer(delay_s, os.kill, (child, signal.SIGKILL))
            killing.start()
    return promised


def test_a_killed_process_leaves_what_it_had_saved(tmp_path: Path) -> None:
    """A process that keeps saving is killed at a random moment, and another takes over."""
    rng = np.random.default_rng()
    last = 0
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as runner:
        for _ in range(20):
            promised = until_killed(runner, last, int(rng.integers(1, 9)), rng.uniform(0, 0.02))
            index = LiveIndex.load(tmp_path, cipher=KEY)
            assert index.feed_position >= promised
            last = index.feed_position
            ids = np.arange(last * 20)
            left = ids[(ids % 20 >= 7) | (ids >= last * 20 - 100)]
            assert state(index)[1] == left.tolist()
        assert runner.stdin is not None
        runner.stdin.close()
        assert runner.wait(30) == 0
    assert last > 20
