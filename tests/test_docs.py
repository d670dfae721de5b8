"""What README shows is what happens: its commands, its code, its settings, its links."""

import doctest
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage
from PIL import Image, ImageOps

from hashsvc.access import Role
from hashsvc.settings import Settings
from tests.helpers.service import running_service, token_for
from tests.helpers.site import Site

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

# What differs from run to run; everything else is compared as it stands.
VOLATILE = (
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]\b"), "CASE"),
    (re.compile(r"hsk_[\w-]{43}"), "hsk_TOKEN"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"(shown this once: )\d{8}"), r"\1PIN"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    # Float arithmetic may differ between processors by a region, and by a bit.
    (re.compile(r"\b\d+ regions │ \d+ +│"), "REGIONS"),
    (re.compile(r"[\d,]+ bytes of signals"), "BYTES of signals"),
    (re.compile(r"removed after \d+\.\d s"), "removed after SECONDS"),
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def settled(text: str) -> str:
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return text


def same(shown: str, printed: str) -> bool:
    """Compare a run's lines with README's, where a line `…` stands for any lines."""
    parts = [re.escape(settled(line).rstrip()) for line in shown.splitlines()]
    pattern = "\n".join(parts).replace("…\n", r"(?:.*\n)*?").replace("…", ".*")
    lines = "\n".join(line.rstrip() for line in settled(printed).splitlines())
    return re.fullmatch(pattern, lines, re.S if pattern.endswith(".*") else 0) is not None


def steps(block: str) -> list[tuple[str, str]]:
    """Return (command, output) of each `$ ` line of a console block."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
    return [(command, output) for command, output in found]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The two files that README speaks of: a photograph, and a mirrored, smaller copy."""
    with Image.open(Path(skimage.__file__).parent / "data" / "chelsea.png") as cat:
        cat.save(tmp_path / "photo.jpg")
        ImageOps.mirror(cat).resize((300, 200)).save(tmp_path / "copy.jpg", quality=70)
    return tmp_path


@pytest.fixture
def site(photos: Path) -> Iterator[Site]:
    with Site() as site:
        image = site.add_image("/copy.jpg", (photos / "copy.jpg").read_bytes())
        page = site.add_page("/page", [image])
        (photos / "reported.txt").write_text(page + "\n")
        yield site


@pytest.fixture
def service(photos: Path, site: Site) -> Iterator[str]:
    (photos / "data").mkdir()
    open_to = {"fetch_networks": "127.0.0.0/8", "fetch_ports": str(site.port)}
    with running_service(photos / "data", open_to) as url:
        yield url


def test_the_first_commands_are_demo_and_test() -> None:
    assert [command for command, _ in steps(blocks("console")[0])] == ["make demo", "make test"]


def test_the_demonstration_prints_what_readme_shows() -> None:
    shown = steps(blocks("console")[0])[0][1]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert same(shown, run.stdout), run.stdout


def test_the_commands_print_what_readme_shows(photos: Path, service: str) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("HASHSVC_")}
    env |= {"HASHSVC_DATA_DIR": str(photos / "data"), "HASHSVC_URL": service}
    ran = []
    for block in blocks("console")[1:]:
        for command, shown in steps(block):
            program, *arguments = command.split()
            assert program == "hashsvc"
            run = subprocess.run(
                [sys.executable, "-m", "hashsvc", *arguments],
                cwd=photos,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert run.returncode == 0, run.stdout
            assert same(shown, run.stdout), run.stdout
            if token := re.search(r"hsk_[\w-]{43}", run.stdout):
                env["HASHSVC_KEY"] = token[0]
            ran.append(arguments[0])
    local = {"hash", "compare", "keys", "backup", "bank", "audit"}
    assert set(ran) == local | {"submit", "match", "scan"}


def test_the_python_code_does_what_readme_shows(
    photos: Path, service: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    given = {"url": service, "page": f"{site.url}/page", "time": time}
    given["tokens"] = {role.value: token_for(photos / "data", role) for role in Role}
    examples = doctest.DocTestParser().get_doctest(
        "\n".join(blocks("python")), given, "README", "README.md", 0
    )
    said: list[str] = []
    result = doctest.DocTestRunner().run(examples, out=said.append)
    assert result.attempted > 15
    assert result.failed == 0, "".join(said)


def test_every_setting_is_documented() -> None:
    for name, field in Settings.model_fields.items():
        (row,) = re.findall(rf"^\| `HASHSVC_{name.upper()}` \| (.*) \| (.*) \|$", README, re.M)
        assert row[1] == field.description
        default = field.default
        if isinstance(default, frozenset | tuple):
            default = ",".join(str(each) for each in sorted(default))
        assert row[0].strip("`") == str("unset" if default in (None, "") else default)


def test_every_link_leads_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            assert target.startswith("http") or (document.parent / target).exists(), target


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = re.findall(r"`(?:tests/)?(\w+/test_\w+\.py)`", text)
    assert len(set(named)) > 25
    for each in named:
        assert (ROOT / "tests" / each).exists(), each


def test_make_lists_every_target() -> None:
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M):
        assert f"make {target}" in helped


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("NOT TESTED: this is no git checkout, so what belongs to it is unknown.")
    words = ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "index-url " + "http")
    for name in listed.stdout.splitlines():
        if name != "LICENSE" and (ROOT / name).suffix not in (".jpg", ".png", ".hsx", ".ttf"):
            text = (ROOT / name).read_text()
            assert not [word for word in words if word in text]
