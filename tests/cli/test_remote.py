"""`submit` and `match` against a real service: they send only signals, and report refusals."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from hashsvc.access import Role
from tests.cli.conftest import Run, Running
from tests.conftest import generated_photo, jpeg
from tests.helpers.photos import load_photos


def test_a_copy_of_what_was_submitted_is_matched(run: Run, service: Running, photos: Path) -> None:
    done = run("submit", "--adult", photos / "a-holiday.jpg", **service.variables(Role.INTAKE))
    assert done.exit_code == 0, done.stderr
    assert "Its PIN, shown only once: " in done.stderr
    copy = photos / "copy.jpg"
    copy.write_bytes(jpeg(ImageOps.mirror(generated_photo(31)), quality=60))
    other = photos / "b-birthday.jpg"
    done = run("match", copy, other, **service.variables(Role.ANALYST))
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert [each["tier"] for each in first["matches"]] == ["certain"]
    assert first["matches"][0]["evidence"]["findings"][0]["view"] == "mirror"
    assert second == {"file": 2, "matches": []}
    done = run("match", copy, **service.variables(Role.SCANNER))
    (told,) = json.loads(done.stdout)["matches"]
    assert (told["tier"], told["evidence"]) == ("certain", None)


def test_every_frame_of_an_animation_is_looked_up(run: Run, service: Running, photos: Path) -> None:
    originals = [photos / "one.jpg", photos / "two.jpg"]
    slides = [generated_photo(seed, (320, 240)) for seed in range(60, 66)]
    for path, slide in zip(originals, (slides[2], slides[5]), strict=True):
        path.write_bytes(jpeg(slide))
    done = run("submit", "--adult", *originals, **service.variables(Role.INTAKE))
    assert done.exit_code == 0, done.stderr
    slides[0].save(photos / "slides.gif", save_all=True, append_images=slides[1:])
    done = run("match", photos / "slides.gif", **service.variables(Role.ANALYST))
    matches = json.loads(done.stdout)["matches"]
    assert [each["tier"] for each in matches] == ["certain", "certain"]
    assert len({each["pseudonym"] for each in matches}) == 2
    done = run(
        "match",
        photos / "slides.gif",
        **service.variables(Role.ANALYST),
        HASHSVC_IMAGE_MAX_FRAMES="4",
    )
    assert len(json.loads(done.stdout)["matches"]) == 2
    assert done.stderr == "File 1: 2 further frames or sections were left out.\n"


def test_images_that_cannot_be_submitted_are_left_out_and_counted(
    run: Run, service: Running, photos: Path
) -> None:
    (photos / "d-plain.png").write_bytes(b"")
    Image.new("RGB", (300, 200), "grey").save(photos / "d-plain.png")
    done = run("submit", "--adult", photos, **service.variables(Role.INTAKE))
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2
    assert "1 of 4 images are too plain" in done.stderr
    assert "File 3 of 4: The bytes are not an image" in done.stderr


def test_more_contents_than_one_request_takes_are_submitted(
    run: Run, service: Running, photos: Path
) -> None:
    many = photos / "many"
    many.mkdir()
    for seed in range(101):
        (many / f"{seed}.jpg").write_bytes(jpeg(generated_photo(seed, (240, 180))))
    done = run("submit", "--adult", many, **service.variables(Role.INTAKE))
    assert done.exit_code == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({each["content"] for each in records}) == 101
    assert len({each["case"] for each in records}) == 1


def test_contents_are_added_to_a_case_that_is_open(
    run: Run, service: Running, photos: Path
) -> None:
    variables = service.variables(Role.INTAKE)
    first = run("submit", "--adult", photos / "a-holiday.jpg", **variables)
    case = json.loads(first.stdout)["case"]
    second = run("submit", "--case", case, photos / "b-birthday.jpg", **variables)
    assert json.loads(second.stdout)["case"] == case
    assert "PIN" not in second.stderr


def test_a_case_without_regions_holds_none_and_finds_no_crop(
    run: Run, service: Running, photos: Path
) -> None:
    # Generated pictures have too little detail for this.
    photo = next(each.image for each in load_photos(None, limit=5) if each.name == "coffee")
    variables, finder = service.variables(Role.INTAKE), service.variables(Role.ANALYST)
    (photos / "coffee.jpg").write_bytes(jpeg(photo))
    (photos / "smaller.jpg").write_bytes(jpeg(photo.resize((300, 200))))
    (photos / "cropped.jpg").write_bytes(jpeg(photo.crop((100, 60, 500, 360))))
    found = []
    for options in (["--without-regions"], []):
        done = run("submit", "--adult", *options, photos / "coffee.jpg", **variables)
        assert done.exit_code == 0, done.stderr
        done = run("match", photos / "smaller.jpg", photos / "cropped.jpg", **finder)
        found.append([len(json.loads(line)["matches"]) for line in done.stdout.splitlines()])
    # The second time, the smaller photo matches both contents, and the cropped one matches one.
    assert found == [[1, 0], [2, 1]]


def test_images_of_minors_are_referred_and_nothing_is_sent(
    run: Run, service: Running, photos: Path
) -> None:
    done = run("submit", "--no-adult", photos / "a-holiday.jpg", **service.variables(Role.INTAKE))
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "116000" in done.stderr


@pytest.mark.parametrize(
    ("role", "command", "said"),
    [
        (Role.ANALYST, "submit", "The service refused: This is for keys of role intake."),
        (Role.INTAKE, "match", "The service refused: This is for keys of role analyst, scanner."),
        (Role.ADMIN, "match", "The service refused: This is for keys of role analyst, scanner."),
    ],
)
def test_a_refusal_is_one_line(
    run: Run, service: Running, photos: Path, role: Role, command: str, said: str
) -> None:
    options = ["--adult"] if command == "submit" else []
    path = photos / "a-holiday.jpg"
    done = run(command, *options, path, **service.variables(role))
    assert done.exit_code == 1
    assert done.stderr == said + "\n"


def test_an_unknown_key_is_refused_and_not_repeated(
    run: Run, service: Running, photos: Path
) -> None:
    variables = {"HASHSVC_URL": service.url, "HASHSVC_KEY": "hsk_canary"}
    done = run("match", photos / "a-holiday.jpg", **variables)
    assert done.exit_code == 1
    assert done.stderr == "The service refused: The API key is unknown, expired or revoked.\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nowhere", "https://[broken", "file:///x"])
def test_an_unreachable_service_is_reported(run: Run, photos: Path, url: str) -> None:
    done = run("match", photos / "a-holiday.jpg", HASHSVC_URL=url, HASHSVC_KEY="x")
    assert done.exit_code == 1
    assert done.stderr == "The service cannot be reached. Is its URL right?\n"
