"""Fixtures that many tests share: photographs, settings, a database."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers import postgresql as servers
from tests.helpers.database import copy_template, make_template

# A shell without job control starts background processes that ignore Ctrl-C, and they pass that on
# to their children. Tests that interrupt a child would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def generated_photo(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return a picture with a photograph's shades and edges, the same for the same seed."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    for _ in range(12):
        side = int(rng.integers(30, 160))
        patch = Image.new("RGB", (side, side), tuple(int(each) for each in rng.integers(0, 256, 3)))
        patch = patch.rotate(float(rng.uniform(0, 90)), expand=True)
        mask = Image.new("L", (side, side), 255).rotate(0)
        mask = mask.resize(patch.size)
        place = (int(rng.integers(0, size[0])), int(rng.integers(0, size[1])))
        picture.paste(patch, place, mask)
    return picture.filter(ImageFilter.GaussianBlur(1))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """Return an image as a JPEG file's bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


# These modules take longest. They start first, so that no core waits for them at the end.
LONGEST = ("tests/test_docs.py", "tests/benchmarks/test_removal.py", "tests/api/test_fuzz.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the modules that take longest first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own settings and .env file out of every test."""
    monkeypatch.chdir(tmp_path)
    for name in ("HASHSVC_URL", "HASHSVC_KEY", "HASHSVC_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that are marked `both_databases` on SQLite and on PostgreSQL."""
    marked = metafunc.definition.get_closest_marker("both_databases")
    if marked and "database_kind" in metafunc.fixturenames:
        metafunc.parametrize("database_kind", ["sqlite", "postgresql"])


@pytest.fixture
def database_kind() -> str:
    """Return which database the settings name."""
    return "sqlite"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    """Yield a PostgreSQL server. If none is installed, skip the test, or fail it in CI."""
    with servers.running() as server:
        yield server


@pytest.fixture
def database_settings(
    database_kind: str, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """Yield the settings of an empty database; on PostgreSQL it has the present schema."""
    if database_kind == "sqlite":
        yield {}
        return
    server: servers.Server = request.getfixturevalue("postgresql")
    name = server.new()
    yield {"database_url": server.url(name), "key_encryption_key": servers.KEY}
    server.drop(name)


@pytest.fixture
def settings(tmp_path: Path, database_settings: dict[str, str]) -> Settings:
    """Return settings of a service that fetches from loopback and has no scan threads."""
    return Settings(
        **database_settings,  # type: ignore[arg-type]
        data_dir=tmp_path / "data",
        scan_threads=0,
        fetch_networks="127.0.0.0/8",
        fetch_ports=frozenset(range(1, 65536)),
        fetch_timeout_s=2,
        fetch_total_s=3,
        scan_retry_s=0,
        recheck_gap_s=0,
        # Tests of budgets set their own limits; the others need none.
        limit_lookups_per_minute=100_000,
        limit_lookups_per_day=100_000,
        limit_submissions_per_minute=100_000,
        limit_scans_per_minute=100_000,
        limit_reads_per_minute=100_000,
        limit_holder_calls_per_minute=100_000,
    )


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty SQLite database of the present schema, for `copy_template`."""
    folder = tmp_path_factory.mktemp("template")
    make_template(folder)
    return folder


@pytest.fixture
def database(
    settings: Settings, database_kind: str, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """An empty database of the present schema, copied from a migrated one."""
    if database_kind == "sqlite":
        copy_template(request.getfixturevalue("database_template"), settings.data_dir)
    opened = Database.of(settings)
    yield opened
    opened.close()
