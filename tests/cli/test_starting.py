"""A command imports what it needs and no more: imports are most of a short command's time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashsvc.cli.main import COMMANDS, load_command
from tests.cli.conftest import Run
from tests.conftest import generated_photo, jpeg

# Prints the modules that `python -m hashsvc` with some arguments has imported, without those that
# the interpreter imports when it starts, such as Debian's `sitecustomize`.
WATCHED = """
import sys
at_start = set(sys.modules)
import json, runpy
try:
    runpy.run_module("hashsvc", run_name="__main__", alter_sys=True)
finally:
    print(json.dumps(sorted(set(sys.modules) - at_start)), file=sys.stderr)
"""
IMAGES = {"numba", "scipy", "PIL", "imagehash", "av"}
OTHERS = {"faiss", "fastapi", "uvicorn", "jinja2", "typst", "fontTools", "alembic"}
NUMPY = {"numpy"}
SQL = {"sqlalchemy"}
# What Typer itself needs to print help.
HELPERS = {"typer", "rich", "pygments", "markdown_it", "mdurl", "annotated_doc", "shellingham"}


def imported_by(*arguments: str, folder: Path) -> set[str]:
    """Run `hashsvc` with these arguments in a folder, and return the modules it has imported."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HASHSVC_")}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(json.loads(done.stderr.splitlines()[-1]))


def libraries(modules: set[str]) -> set[str]:
    """Return the top-level names of libraries other than Python's own and this project."""
    names = {each.partition(".")[0] for each in modules} - set(sys.stdlib_module_names)
    return {each for each in names if not each.startswith("_")} - {"hashsvc"}


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help_imports_no_command_and_no_library_of_the_service(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    modules = imported_by(*arguments, folder=tmp_path)
    ours = {each for each in modules if each.partition(".")[0] == "hashsvc"}
    assert ours == {"hashsvc", "hashsvc.cli", "hashsvc.cli.main", "hashsvc.cli.output"}
    assert libraries(modules) <= HELPERS


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("keys list", IMAGES | OTHERS | NUMPY),
        ("keys revoke x", IMAGES | OTHERS | NUMPY),
        ("organisations list", IMAGES | OTHERS | NUMPY),
        ("audit verify", IMAGES | OTHERS | NUMPY),
        ("bank purge", IMAGES | OTHERS),
        ("backup copy", IMAGES | OTHERS | NUMPY),
        ("lists show common", IMAGES | OTHERS),
        ("removal list --key x --url http://127.0.0.1:9", IMAGES | OTHERS | NUMPY | SQL),
        ("platforms list --key x --url http://127.0.0.1:9", IMAGES | OTHERS | NUMPY | SQL),
        ("statistics --help", IMAGES | OTHERS | NUMPY | SQL),
        ("scans show x --key x --url http://127.0.0.1:9", IMAGES | OTHERS | NUMPY | SQL),
        ("scan urls.txt --key x --url http://127.0.0.1:9", IMAGES | OTHERS | NUMPY | SQL),
        ("evidence verify missing.zip", (IMAGES | OTHERS | NUMPY) - {"jinja2"}),
        ("hash photo.jpg", OTHERS | SQL),
        ("compare photo.jpg photo.jpg", (OTHERS | SQL) - {"faiss"}),
        ("submit --help", IMAGES | OTHERS | SQL),
        ("serve --help", (IMAGES | OTHERS) - {"uvicorn"}),
        ("worker --help", IMAGES | OTHERS),
    ],
)
def test_a_command_imports_no_library_that_it_does_not_use(
    run: Run, tmp_path: Path, command: str, unneeded: set[str]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg(generated_photo(31, (320, 240))))
    run("keys", "create", "--role", "admin")
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/\n")
    assert not libraries(imported_by(*command.split(), folder=tmp_path)) & unneeded


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_s_help_says(name: str) -> None:
    paragraph = load_command(name).help.partition("\n\n")[0]
    assert COMMANDS[name][1] == " ".join(paragraph.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0, done.output
    assert f"hashsvc {name}" in done.output or f" {name} [OPTIONS]" in done.output


def test_an_unknown_command_is_refused_with_a_suggestion(run: Run) -> None:
    done = run("kes")
    assert done.exit_code == 2
    assert "Did you mean 'keys'?" in done.output
