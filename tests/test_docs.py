"""The pages are right: their commands, code, settings and links do what the pages show."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import httpx2
import pytest
import skimage
import typer.main
from PIL import Image, ImageOps

from hashsvc.access import Role
from hashsvc.cli.hashing import as_record
from hashsvc.cli.main import app
from hashsvc.settings import Settings
from hashsvc.signals import sign_image
from tests.helpers.documents import Walkthrough, blocks, leaf_commands, same, steps
from tests.helpers.service import running_service, token_for
from tests.helpers.site import Site

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SHOWN = ("console", "python")
# The demonstration is README's first block, and has a test of its own.
PAGES = [each for each in DOCUMENTS if blocks(each.read_text(), *SHOWN)[each.stem == "README" :]]
# These commands run until they are stopped. The tests of the command line start them.
ENDLESS = {("serve",), ("worker",)}


@dataclass(frozen=True)
class Place:
    """What the pages speak of: a folder with files, a service with its data, and a small site."""

    folder: Path
    site: Site
    service: str
    tokens: dict[str, str]

    def page_for(self, document: Path) -> str:
        """Put the copy on the site for one document only, and return the URL of its page."""
        copy = (self.folder / "copy.jpg").read_bytes()
        image = self.site.add_image(f"/{document.stem}.jpg", copy)
        return self.site.add_page(f"/{document.stem}/page", [image])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("pages")
    make_files(folder)
    (folder / "data").mkdir()
    with Site() as site:
        settings = {
            "fetch_networks": "127.0.0.0/8",
            "fetch_ports": str(site.port),
            # A page's case is not matched with what another page has scanned.
            "candidate_days": "0",
        }
        with running_service(folder / "data", settings) as url:
            tokens = {role.value: token_for(folder / "data", role) for role in Role}
            withdraw(folder / "withdrawn.jpg", url, tokens["intake"])
            yield Place(folder, site, url, tokens)


def make_files(folder: Path) -> None:
    """Make a photograph and a mirrored, smaller copy of it, and two other photographs."""
    photos = Path(skimage.__file__).parent / "data"
    with Image.open(photos / "chelsea.png") as cat:
        cat.save(folder / "photo.jpg")
        ImageOps.mirror(cat).resize((300, 200)).save(folder / "copy.jpg", quality=70)
    with Image.open(photos / "coffee.png") as coffee:
        coffee.save(folder / "withdrawn.jpg")
    with Image.open(photos / "rocket.jpg") as rocket:
        (folder / "press").mkdir()
        rocket.save(folder / "press" / "launch.jpg")


def withdraw(photo: Path, url: str, token: str) -> None:
    """Submit a photograph to a case, and withdraw the case."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, trust_env=False) as intake:
        number = intake.post("/v1/cases", json={"adult": True}).json()["number"]
        body = {"contents": [as_record(sign_image(photo.read_bytes()).whole())]}
        assert intake.post(f"/v1/cases/{number}/contents", json=body).is_success
        assert intake.delete(f"/v1/cases/{number}").is_success


def test_the_first_commands_are_demo_and_test() -> None:
    first = blocks(README, "console")[0]
    assert [command for command, _ in steps(first)] == ["make demo", "make test"]
    # A reader sees these commands on the first screen.
    assert first.line < 8


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


def test_the_demonstration_prints_what_readme_shows() -> None:
    shown = steps(blocks(README, "console")[0])[0][1]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert same(shown, run.stdout), run.stdout


@pytest.mark.parametrize("document", PAGES, ids=lambda each: each.name)
def test_the_commands_and_the_code_of_a_page_do_what_it_shows(
    document: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("HASHSVC_")}
    variables |= {"HASHSVC_DATA_DIR": "data", "HASHSVC_URL": place.service}
    reported = place.page_for(document)
    (place.folder / "reported.txt").write_text(f"{reported}\n")
    names = {"url": place.service, "page": reported, "time": time, "tokens": place.tokens}
    walk = Walkthrough(names)
    with mock.patch.dict(os.environ, variables, clear=True):
        for block in blocks(document.read_text(), *SHOWN, "yaml")[document.stem == "README" :]:
            walk.run(block)
    assert not walk.differences, "\n\n".join(walk.differences)


def test_the_command_prints_the_same_in_a_process_of_its_own(place: Place) -> None:
    (shown,) = [
        output
        for block in blocks((ROOT / "docs" / "cli.md").read_text(), "console")
        for command, output in steps(block)
        if command == "hashsvc compare photo.jpg copy.jpg"
    ]
    run = subprocess.run(
        [sys.executable, "-m", "hashsvc", "compare", "photo.jpg", "copy.jpg"],
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert same(shown, run.stdout), run.stdout


def test_what_differs_from_a_page_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = """
```console
$ hashsvc compare pdq1:WORD phash1:0000000000000000
certain: …
```
```python
>>> 1 + 1
3
```
""".replace("WORD", "0f" * 32)
    walk = Walkthrough({})
    for block in blocks(page, *SHOWN):
        walk.run(block)
    command, example = walk.differences
    assert "no match: " in command
    assert "Expected:\n    3" in example
    assert same("a\n…\nz\n", "a\nb\nc\nz\n")
    assert not same("a\n…\n", "b\na\n")
    assert not same("a …\n", "a b\nc\n")


def test_every_command_is_shown_with_what_it_prints() -> None:
    shown: set[tuple[str, ...]] = set()
    for document in PAGES:
        for block in blocks(document.read_text(), "console"):
            shown |= {tuple(command.split()[1:3]) for command, _ in steps(block)}
    shown |= {each[:1] for each in shown}
    assert leaf_commands(typer.main.get_command(app)) - ENDLESS <= shown


def test_the_python_code_is_long_enough_to_be_of_use() -> None:
    code = "".join(
        block.text for document in PAGES for block in blocks(document.read_text(), "python")
    )
    assert code.count(">>> ") > 15


def test_every_setting_that_a_page_names_exists() -> None:
    names = {f"HASHSVC_{name.upper()}" for name in Settings.model_fields}
    # The command line has settings of its own. A name that ends with an underscore is only the
    # beginning of names.
    names |= {"HASHSVC_URL", "HASHSVC_KEY", "HASHSVC_INSECURE"}
    for document in DOCUMENTS:
        for each in re.findall(r"HASHSVC_[A-Z0-9_]+", document.read_text()):
            assert each in names or each.endswith("_"), (document.name, each)


def test_every_route_is_documented(place: Place) -> None:
    text = (ROOT / "docs" / "http-api.md").read_text()
    document = httpx2.get(f"{place.service}/openapi.json", trust_env=False).json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


def test_every_link_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target, place in re.findall(r"\]\(([^)#\s]*)(#[^)\s]+)?", document.read_text()):
            if target.startswith("http"):
                continue
            path = document.parent / target if target else document
            assert path.exists(), (document.name, target)
            assert not place or place[1:] in anchors(path.read_text()), (document.name, place)


def anchors(text: str) -> set[str]:
    """Return the names that a page's headings have in links."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    for document in ROOT.glob("docs/*.md"):
        assert document.stem == "index" or f"]({document.name}" in index, document.name


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = re.findall(r"`(?:tests/)?((?:\w+/)+test_\w+\.py)`", text)
    assert len(set(named)) > 25
    # The expression above misses no name.
    assert len(named) == len(re.findall(r"test_\w+\.py", text))
    for each in named:
        assert (ROOT / "tests" / each).exists(), each


def test_every_file_that_a_page_names_is_there() -> None:
    for document in DOCUMENTS:
        named = r"`((?:hashsvc|index|benchmarks|tests|docs)/[\w/.-]+)`"
        for each in re.findall(named, document.read_text()):
            # The threat model names tests relative to their folder.
            found = (ROOT / each).exists() or (ROOT / "tests" / each).exists()
            assert found, (document.name, each)


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
        if name != "LICENSE" and (ROOT / name).suffix not in (
            ".avif",
            ".jpg",
            ".png",
            ".hsx",
            ".ttf",
        ):
            text = (ROOT / name).read_text()
            assert not [word for word in words if word in text]
