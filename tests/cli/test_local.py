"""`hash` and `compare` need no service and no network, and write only their answer."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from hashsvc.signals import OTHERS, SIGNED, Signal
from tests.cli.conftest import Run
from tests.conftest import generated_photo, jpeg


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_each_image_is_one_json_object(run: Run, photos: Path) -> None:
    done = run("hash", photos / "a-holiday.jpg", photos / "b-birthday.jpg")
    assert done.exit_code == 0
    assert done.stderr == ""
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({each["content"] for each in records}) == 2
    for record in records:
        assert set(record) == {"content", "quality", "signals"}
        assert len(bytes.fromhex(record["content"])) == 16
        assert 50 <= record["quality"] <= 100
        signals = [Signal.parse(each["signal"]) for each in record["signals"]]
        assert {each.algorithm for each in signals} == {each.name for each in SIGNED}
        assert {each["view"] for each in record["signals"]} == {"whole"}


def test_ids_are_new_and_signals_the_same_each_time(run: Run, photos: Path) -> None:
    first, second = (json.loads(run("hash", photos / "a-holiday.jpg").stdout) for _ in range(2))
    assert first["content"] != second["content"]
    assert first["signals"] == second["signals"]


def test_a_file_that_is_no_image_does_not_stop_the_others(run: Run, photos: Path) -> None:
    done = run("hash", photos)
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("File 3 of 3: The bytes are not an image")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_names_and_contents_of_files_go_nowhere(run: Run, photos: Path, form: str) -> None:
    before = files_below(photos.parent)
    done = run("hash", "--format", form, photos, photos / "missing-canary.jpg")
    assert files_below(photos.parent) == before
    for word in ("holiday", "birthday", "notes", "canary", "photos"):
        assert word not in done.stdout + done.stderr


def test_csv_holds_what_json_holds(run: Run, photos: Path) -> None:
    path = photos / "a-holiday.jpg"
    rows = list(csv.DictReader(io.StringIO(run("hash", "--format", "csv", path).stdout)))
    record = json.loads(run("hash", path).stdout)
    assert [{"signal": row["signal"], "view": row["view"]} for row in rows] == record["signals"]
    assert {row["quality"] for row in rows} == {str(record["quality"])}
    assert len({row["content"] for row in rows}) == 1


def test_all_views_are_printed_on_request(run: Run, photos: Path) -> None:
    record = json.loads(run("hash", "--all-views", photos / "a-holiday.jpg").stdout)
    assert {"whole", "mirror", "rot90"} <= {each["view"] for each in record["signals"]}


def test_other_algorithms_are_made_on_request(run: Run, photos: Path) -> None:
    asked = [option for each in OTHERS for option in ("--also", each.name)]
    done = run("hash", "--exact", *asked, photos / "a-holiday.jpg")
    made = {each["signal"].partition(":")[0] for each in json.loads(done.stdout)["signals"]}
    assert made == {each.name for each in (*SIGNED, *OTHERS)}
    assert run("hash", "--also", "md5", photos / "a-holiday.jpg").exit_code == 2


def test_neither_command_opens_a_connection(photos: Path) -> None:
    """Both commands work when every connection is forbidden."""
    forbid = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event in ('socket.connect', 'socket.bind', 'socket.getaddrinfo'):\n"
        "        raise SystemExit('a connection was tried')\n"
        "sys.addaudithook(hook)\n"
        "from hashsvc.cli import main\n"
        "main()\n"
    )
    path = str(photos / "a-holiday.jpg")
    for arguments in (["hash", path], ["compare", path, path]):
        done = subprocess.run(
            [sys.executable, "-c", forbid, *arguments],
            capture_output=True, text=True, check=False, cwd=photos,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_a_closed_pipe_ends_the_command_quietly(photos: Path) -> None:
    paths = [str(photos / "a-holiday.jpg")] * 60
    with subprocess.Popen(
        [sys.executable, "-m", "hashsvc", "hash", *paths],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_ctrl_c_ends_the_command_with_one_line(photos: Path) -> None:
    paths = [str(photos / "a-holiday.jpg")] * 2000
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "hashsvc", "hash", *paths],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.fixture
def mirrored(photos: Path) -> Path:
    path = photos / "mirrored.jpg"
    path.write_bytes(jpeg(ImageOps.mirror(generated_photo(31)), quality=70))
    return path


def test_compare_prints_tier_view_distance_and_reasons(
    run: Run, photos: Path, mirrored: Path
) -> None:
    done = run("compare", photos / "a-holiday.jpg", mirrored)
    assert done.exit_code == 0
    assert done.stdout.startswith("certain: pdq1 of the mirror image differs in ")
    told = json.loads(run("compare", "--json", photos / "a-holiday.jpg", mirrored).stdout)
    assert told["tier"] == "certain"
    assert (told["findings"][0]["algorithm"], told["findings"][0]["view"]) == ("pdq1", "mirror")
    assert told["findings"][0]["distance"] <= told["findings"][0]["threshold"] == 31
    assert {each["algorithm"] for each in told["findings"]} == {each.name for each in SIGNED}
    assert [each.partition(":")[0] for each in told["reasons"]] == [each.name for each in SIGNED]


def test_compare_looks_at_every_frame_of_an_animation(run: Run, photos: Path) -> None:
    slides = [generated_photo(seed, (320, 240)) for seed in range(40, 50)]
    slides[6] = generated_photo(31).resize((320, 240))
    slides[0].save(photos / "slides.gif", save_all=True, append_images=slides[1:])
    done = run("compare", photos / "a-holiday.jpg", photos / "slides.gif")
    first, second = done.stdout.splitlines()[:2]
    assert first == "Picture 7 of 10 of the second image:"
    assert second.startswith("certain: pdq1 of the whole image")
    told = json.loads(
        run("compare", "--json", photos / "slides.gif", photos / "a-holiday.jpg").stdout
    )
    assert (told["tier"], told["pictures"]) == ("certain", {"first": 7, "second": 1})


def test_the_limits_for_images_are_settings(run: Run, photos: Path) -> None:
    photo = photos / "a-holiday.jpg"
    assert run("hash", photo, HASHSVC_IMAGE_MAX_PIXELS="307199").exit_code == 1
    done = run("hash", photo, HASHSVC_IMAGE_MAX_PIXELS="307200")
    assert (done.exit_code, done.stderr) == (0, "")
    done = run("hash", photo, HASHSVC_IMAGE_MAX_PIXELS="none")
    assert done.exit_code == 1
    assert "image_max_pixels" in done.stderr.lower()


def test_compare_says_when_it_is_no_match(run: Run, photos: Path) -> None:
    done = run("compare", photos / "a-holiday.jpg", photos / "b-birthday.jpg")
    assert done.exit_code == 0
    assert done.stdout.startswith("no match: No signal is within its threshold, ")
    for name in (each.name for each in SIGNED):
        assert any(line.startswith(f"{name}: ") for line in done.stdout.splitlines())
    assert "at most 31 may differ." in done.stdout
    assert " regions, contrast 0" in done.stdout


@pytest.mark.parametrize(("bits", "tier"), [(31, "certain"), (32, None)])
def test_compare_takes_signals(run: Run, bits: int, tier: str | None) -> None:
    first = Signal("pdq1", bytes(32))
    second = Signal("pdq1", ((1 << bits) - 1).to_bytes(32))
    told = json.loads(run("compare", "--json", str(first), str(second)).stdout)
    assert told["tier"] == tier
    assert told["findings"][0]["distance"] == bits


@pytest.mark.parametrize(
    ("first", "rule"),
    [
        ("pdq1:00ff", "The first image or signal: A pdq1 signal has 256 bits."),
        ("pdq9:" + "00" * 32, "The first image or signal: A signal's algorithm is one of pdq1, "),
        ("missing.jpg", "The first file cannot be read (No such file or directory)."),
    ],
)
def test_compare_refuses_in_one_line(run: Run, mirrored: Path, first: str, rule: str) -> None:
    done = run("compare", first, mirrored)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(rule)
    assert done.stderr.count("\n") == 1


def test_an_image_turned_by_its_metadata_is_hashed_upright(run: Run, photos: Path) -> None:
    upright = generated_photo(31)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(stored, "JPEG", quality=90, exif=exif)
    (photos / "turned.jpg").write_bytes(stored.getvalue())
    told = json.loads(
        run("compare", "--json", photos / "a-holiday.jpg", photos / "turned.jpg").stdout
    )
    assert told["findings"][0]["view"] == "whole"
    assert told["tier"] == "certain"
