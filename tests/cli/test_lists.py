"""`hashsvc lists` hashes images on the service's machine and keeps neither images nor names."""

import re
from pathlib import Path

import pytest

from hashsvc.settings import Settings
from tests.cli.conftest import Run


@pytest.mark.parametrize("kind", ["common", "protected"])
def test_images_are_listed_shown_and_removed(run: Run, photos: Path, kind: str) -> None:
    done = run("lists", "add", kind, photos / "a-holiday.jpg", photos / "b-birthday.jpg")
    assert done.exit_code == 0, done.stderr
    labels = done.stdout.split()
    assert len(labels) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in labels)
    shown = run("lists", "show", kind).stdout
    assert re.fullmatch(rf"({labels[0]}|{labels[1]})  .*\n.*signals\n", shown)
    assert run("lists", "remove", kind, labels[0]).stderr == "Removed.\n"
    assert labels[0] not in run("lists", "show", kind).stdout
    again = run("lists", "remove", kind, labels[0])
    assert (again.exit_code, again.stderr) == (1, "No image on this list has this label.\n")


def test_a_file_that_is_no_image_does_not_stop_the_others(run: Run, photos: Path) -> None:
    done = run("lists", "add", "common", photos)
    assert done.exit_code == 1
    assert len(done.stdout.split()) == 2
    assert done.stderr.startswith("File 3 of 3: ")


def test_names_and_images_are_kept_nowhere(run: Run, photos: Path) -> None:
    run("lists", "add", "protected", photos / "a-holiday.jpg")
    data = Settings().data_dir
    held = b"".join(each.read_bytes() for each in data.rglob("*") if each.is_file())
    assert b"holiday" not in held
    assert (photos / "a-holiday.jpg").read_bytes()[:200] not in held


def test_an_unknown_list_is_refused(run: Run, photos: Path) -> None:
    assert run("lists", "add", "other", photos / "a-holiday.jpg").exit_code == 2
