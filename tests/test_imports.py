"""Rooms import downwards only, some libraries are kept to few files, public names are listed."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashsvc

ROOT = Path(__file__).parents[1]

# The rooms are listed from the top floor down, with what each may import. `lazy` is for
# the rooms' `__init__.py`.
GROUND = {
    "audit", "store", "signals", "sandbox", "settings", "clock", "loops", "lazy", "spreadsheets"
}  # fmt: skip
ROOMS = {
    "cli": GROUND | {"api", "access", "removal", "scanning", "matching", "bank", "keyring"},
    "api": GROUND | {"web", "access", "exchange", "removal", "scanning", "matching", "bank"},
    "web": {"settings", "clock"},
    "exchange": GROUND | {"removal", "scanning", "matching", "bank"},
    # A re-check looks at a page as a scan does.
    "removal": GROUND | {"scanning", "matching", "bank"},
    "scanning": GROUND | {"matching", "bank"},
    # This room is beside scanning. Its walk guard counts lookups by what they find in the index.
    "access": GROUND | {"matching"},
    "matching": GROUND | {"bank", "index"},
    "bank": GROUND,
    "audit": {"store", "settings", "clock", "loops", "lazy"},
    "store": {"keyring", "settings", "clock", "lazy"},
    "keyring": {"settings"},
    "signals": {"sandbox", "lazy"},
    "index": set(),
    "settings": {"request_settings"},
    "request_settings": set(),
    "clock": set(),
    "loops": set(),
    "spreadsheets": {"lazy"},
    "sandbox": set(),
    "lazy": set(),
}
# Rooms inside removal, from the top down. `errors`, `states` and `history` are below all of them.
REMOVAL_ROOMS = {
    "workflow": {"evidence", "statistics", "clocks", "platforms", "notices", "law"},
    "statistics": {"clocks", "notices", "law"},
    "evidence": {"notices"},
    "clocks": {"notices", "law"},
    "platforms": {"notices", "law"},
    "notices": {"law"},
    "law": set(),
}

# Libraries, each with the only places that may use it. The design promises these limits.
ONLY = {
    "faiss": ("index/",),
    # `drawing.py` draws figures and opens no image.
    "PIL": ("hashsvc/signals/", "hashsvc/removal/statistics/drawing.py"),
    "pillow_heif": ("hashsvc/signals/",),
    "imagehash": ("hashsvc/signals/",),
    "av": ("hashsvc/signals/video.py",),
    "sqlite3": ("hashsvc/store/",),
    # `connections.py` opens connections; the others use those.
    "httpcore2": (
        "hashsvc/scanning/connections.py",
        "hashsvc/scanning/facts.py",
        "hashsvc/scanning/fetch.py",
        "hashsvc/scanning/proxies.py",
        "hashsvc/scanning/tolerant_http.py",
        "hashsvc/scanning/transport.py",
    ),
    # The command line's client speaks to a service. The operator sets the issuer and the
    # time-stamping authority. None of these is a reported URL.
    "httpx2": (
        "hashsvc/scanning/browsing.py",
        "hashsvc/scanning/facts.py",
        "hashsvc/scanning/fetch.py",
        "hashsvc/scanning/transport.py",
        "hashsvc/scanning/visits.py",
        "hashsvc/cli/client.py",
        "hashsvc/access/issuer.py",
        "hashsvc/removal/evidence/stamping.py",
    ),
    "joserfc": ("hashsvc/access/issuer.py",),
    # The renderer listens on loopback only.
    "socket": ("hashsvc/scanning/connections.py", "hashsvc/scanning/rendering/"),
    "requests": (),
    "urllib.request": (),
    "pickle": (),
    "smtplib": ("hashsvc/removal/workflow/sending.py",),
    "rfc3161_client": ("hashsvc/audit/timestamps.py",),
    # Only the rooms that keep keys may encrypt or sign.
    "cryptography": ("hashsvc/keyring/", "hashsvc/audit/"),
}


def modules() -> list[Path]:
    return sorted([*(ROOT / "hashsvc").rglob("*.py"), *(ROOT / "index").rglob("*.py")])


def room_of(name: str) -> str:
    """Return the room of a dotted name; "" for a library."""
    parts = name.split(".")
    if parts[0] == "index":
        return "index"
    return parts[1] if parts[0] == "hashsvc" and len(parts) > 1 else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            # `from hashsvc import audit` names a room too.
            yield from (f"{node.module}.{each.name}" for each in node.names)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room = room_of(name_of(path).replace("/", "."))
    if not room or room.startswith("__"):
        return
    used = {room_of(each) for each in imports(path)} - {""}
    assert used <= ROOMS[room] | {room}


def removal_room_of(name: str) -> str:
    """Return the room inside removal of a dotted name; "" for any other name."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["hashsvc", "removal"] and parts[2:3] else ""


def test_imports_inside_removal_point_down() -> None:
    folders = {each.name for each in (ROOT / "hashsvc" / "removal").iterdir() if each.is_dir()}
    assert folders - {"data", "templates", "__pycache__"} == set(REMOVAL_ROOMS)
    for path in (ROOT / "hashsvc" / "removal").rglob("*.py"):
        used = {removal_room_of(each) for each in imports(path)} & set(REMOVAL_ROOMS)
        room = removal_room_of(name_of(path).replace("/", "."))
        if room in REMOVAL_ROOMS:
            assert used <= REMOVAL_ROOMS[room] | {room}, path
        elif room != "__init__":
            assert not used, path


@pytest.mark.parametrize("rooms", [ROOMS, REMOVAL_ROOMS], ids=["hashsvc", "removal"])
def test_no_two_rooms_may_import_each_other(rooms: dict[str, set[str]]) -> None:
    """Each round takes away the rooms that import no remaining room. At the end, none remains."""
    left = {room: set(below) for room, below in rooms.items()}
    while left:
        lowest = {room for room, below in left.items() if not below & set(left)}
        assert lowest, f"There is a circle among {sorted(left)}."
        left = {room: below for room, below in left.items() if room not in lowest}


def test_only_the_tests_of_benchmarks_import_benchmarks() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        if "benchmarks" not in path.relative_to(ROOT).parts:
            assert not [each for each in imports(path) if each.partition(".")[0] == "benchmarks"]


def test_benchmarks_import_only_helpers_from_tests() -> None:
    for path in (ROOT / "benchmarks").rglob("*.py"):
        used = [each for each in imports(path) if each.partition(".")[0] == "tests"]
        assert all(each.startswith("tests.helpers") for each in used), path


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_some_libraries_have_one_place(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for each in imports(path):
        for library, places in ONLY.items():
            if each == library or each.startswith(library + "."):
                assert place.startswith(places or "nowhere"), library


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_sql_is_written_in_the_store(path: Path) -> None:
    if "store" in path.parts:
        return
    names = {each for each in imports(path) if each.startswith(("sqlalchemy", "alembic"))}
    # Rooms hand open connections to each other, but no statements.
    assert names <= {"sqlalchemy", "sqlalchemy.Connection"}


def packages() -> list[str]:
    found = ["hashsvc", "index"]
    found += [
        each.name
        for each in pkgutil.walk_packages(hashsvc.__path__, "hashsvc.")
        if each.ispkg and "migrations.versions" not in each.name
    ]
    return found


@pytest.mark.parametrize("name", packages())
def test_a_room_says_what_it_is_for(name: str) -> None:
    description = importlib.import_module(name).__doc__
    assert description
    assert len(description.strip()) > 30


def sort_key(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then functions, as Ruff does."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("name", packages())
def test_public_names_exist_and_are_sorted(name: str) -> None:
    room = importlib.import_module(name)
    public = getattr(room, "__all__", [])
    assert public == sorted(set(public), key=sort_key)
    for each in public:
        assert hasattr(room, each)


@pytest.mark.parametrize("name", packages())
def test_a_name_that_a_room_does_not_have_is_an_attribute_error(name: str) -> None:
    assert not hasattr(importlib.import_module(name), "canary")


def test_modules_and_functions_stay_small() -> None:
    for path in modules():
        source = path.read_text()
        assert len(source.splitlines()) <= 400, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and "migrations" not in path.parts:
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 60, (path, node.name)
