"""If a database cannot be opened, the store raises its own error, which does not show the URL."""

import contextlib
from pathlib import Path

import pytest

from hashsvc.store import Database, OpenError, StoreError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "canary",
        "oracle://canary@127.0.0.1/x",
        "canary://127.0.0.1/x",
        "sqlite+canary:///x.db",
        "sqlite:///{folder}/a-file/canary.db",
        "sqlite:///{folder}/a-file",
        "sqlite:///{folder}",
    ],
)
def test_an_invalid_url_or_file_is_an_error_that_does_not_show_it(tmp_path: Path, url: str) -> None:
    (tmp_path / "a-file").write_text("canary, and no database. " * 1000)

    def open_it() -> None:
        with contextlib.closing(Database(url.format(folder=tmp_path))) as database:
            database.migrate()

    with pytest.raises(OpenError) as raised:
        open_it()
    assert isinstance(raised.value, StoreError)
    assert "canary" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
    assert (tmp_path / "a-file").read_text().startswith("canary, and no database. ")
