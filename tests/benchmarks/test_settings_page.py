"""docs/settings.md is what its command prints, and has every setting."""

import re
from pathlib import Path

from benchmarks.shipped.settings_page import default_text, page
from hashsvc.settings import Settings

SETTINGS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented() -> None:
    settings = SETTINGS.read_text()
    for name, field in Settings.model_fields.items():
        row = rf"^\| `HASHSVC_{name.upper()}` \| (.*) \| .* \| (.*) \|$"
        ((default, description),) = re.findall(row, settings, re.M)
        assert description == field.description
        assert default.strip("`") == default_text(field)


def test_the_page_of_settings_is_the_one_that_is_generated() -> None:
    command = "python -m benchmarks.shipped.settings_page > docs/settings.md"
    assert SETTINGS.read_text() == page(), f"Run: {command}"
