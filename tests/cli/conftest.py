"""A service in another process, for commands that speak to one, and a way to run commands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from hashsvc.access import Role
from hashsvc.cli.main import app
from tests.conftest import generated_photo, jpeg
from tests.helpers.service import running_service, token_for
from tests.helpers.site import Site

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `hashsvc` with these arguments in an empty folder, and with these variables only."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path, **variables: str) -> Result:
        with capture_logs():
            return CliRunner().invoke(app, [str(each) for each in arguments], env=variables)

    return call


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two photographs and a file that is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a-holiday.jpg").write_bytes(jpeg(generated_photo(31)))
    (folder / "b-birthday.jpg").write_bytes(jpeg(generated_photo(32)))
    (folder / "c-notes.txt").write_text("canary-text, no image")
    return folder


@dataclass(frozen=True)
class Running:
    """A service that is up, the site that it may fetch from, and keys for it."""

    url: str
    site: Site
    data_dir: Path

    def variables(self, role: Role) -> dict[str, str]:
        return {"HASHSVC_URL": self.url, "HASHSVC_KEY": token_for(self.data_dir, role)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data_dir = tmp_path_factory.mktemp("service")
    with Site() as site:
        open_to = {
            "fetch_networks": "127.0.0.0/8",
            "fetch_ports": f"{site.port},9",
            "max_urls_per_scan": "40",
        }
        with running_service(data_dir, open_to) as url:
            yield Running(url, site, data_dir)
