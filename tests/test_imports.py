"""Rooms import downwards only, and each says what it is for."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashsvc
import index

ROOT = Path(__file__).parents[1]

# Room by room, from the top floor: what each may import.
GROUND = {"store", "signals"}
SIDE = {"audit", "settings", "clock", "loops"}
ROOMS = {
    "cli": SIDE | GROUND | {"api", "access", "removal", "scanning", "matching", "bank", "keyring"},
    "api": SIDE | GROUND | {"web", "access", "removal", "scanning", "exchange", "matching", "bank"},
    "web": {"settings", "clock"},
    # Beside scanning: lookups go to the index of the bank.
    "access": SIDE | GROUND | {"matching"},
    # A re-check looks at a page as a scan does.
    "removal": SIDE | GROUND | {"scanning", "matching", "bank"},
    "scanning": SIDE | GROUND | {"matching", "bank"},
    "exchange": SIDE | GROUND | {"matching", "bank"},
    "matching": SIDE | GROUND | {"bank", "index"},
    "bank": SIDE | GROUND,
    "store": {"settings", "clock", "keyring"},
    "signals": set(),
    "index": set(),
    "audit": {"store", "settings", "clock", "loops"},
    # Keys and ciphers, below the store that says what is sealed under which.
    "keyring": {"settings"},
    "settings": set(),
    "clock": set(),
    "loops": set(),
}

# What only one place may use; each is a promise of the design.
ONLY = {
    "faiss": ("index/",),
    # `drawing.py` makes pictures of figures, and opens none.
    "PIL": ("hashsvc/signals/", "hashsvc/removal/statistics/drawing.py"),
    "pillow_heif": ("hashsvc/signals/",),
    "imagehash": ("hashsvc/signals/",),
    "av": ("hashsvc/signals/video.py",),
    "sqlite3": ("hashsvc/store/",),
    # Connections are opened in `connections.py`; the two others speak through what it gives them.
    "httpcore2": (
        "hashsvc/scanning/connections.py",
        "hashsvc/scanning/fetch.py",
        "hashsvc/scanning/proxies.py",
    ),
    # The command line's client speaks to a service, and the operator has set the issuer and the
    # time stamping authority: none is a reported URL.
    "httpx2": (
        "hashsvc/scanning/fetch.py",
        "hashsvc/cli/client.py",
        "hashsvc/access/issuer.py",
        "hashsvc/removal/evidence/stamping.py",
    ),
    "joserfc": ("hashsvc/access/issuer.py",),
    "socket": ("hashsvc/scanning/connections.py",),
    "requests": (),
    "urllib.request": (),
    "pickle": (),
    # Keys are used where they are kept.
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
    # An open connection is handed from one room to the next; statements are not.
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
    told = importlib.import_module(name).__doc__
    assert told
    assert len(told.strip()) > 30


@pytest.mark.parametrize("name", packages())
def test_public_names_exist_and_are_sorted(name: str) -> None:
    room = importlib.import_module(name)
    public = getattr(room, "__all__", [])
    assert len(set(public)) == len(public)
    for each in public:
        assert hasattr(room, each)


def test_modules_and_functions_stay_small() -> None:
    for path in modules():
        source = path.read_text()
        assert len(source.splitlines()) <= 400, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and "migrations" not in path.parts:
                assert node.end_lineno - node.lineno < 60, (path, node.name)


def test_index_knows_its_public_names() -> None:
    assert index.__all__ == sorted(index.__all__, key=lambda each: (each[0].islower(), each))
