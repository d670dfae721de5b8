"""Fixtures of the benchmarks' tests."""

from pathlib import Path

import pytest

from tests.conftest import generated_photo, jpeg


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three photos and a file that is not an image."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        (folder / f"{seed}.jpg").write_bytes(jpeg(generated_photo(seed, (360, 270))))
    (folder / "notes.txt").write_text("Nothing to see.")
    return folder
