"""
Runs the code blocks of a page of documentation, and compares what they print with the page.

A console block shows commands after `$ ` and their output below. In the output, `…` stands for any
text, and a line with only `…` stands for any lines. Words in capitals, such as CASE, stand for what
an earlier command of the page has printed. `export NAME=value` sets a variable for the commands
below it, and `unset NAME` removes it; `hsk_…` as a value is the last token that was printed.

A Python block is a doctest. A YAML block that begins with a comment such as `# mirror.yaml` is
written to that file. All blocks of a page run in order.
"""

import doctest
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hashsvc.cli.main import app

_TOKEN = re.compile(r"hsk_[\w-]{43}")
# These parts of the output differ from run to run; everything else is compared as it stands.
_VOLATILE = (
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]\b"), "CASE"),
    (_TOKEN, "hsk_TOKEN"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"(shown only once: )\d{8}"), r"\1PIN"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    # Float arithmetic differs between processors, so a run may find a region more or less, or
    # another distance.
    (re.compile(r"\b\d+ regions │ \d+ +│"), "REGIONS"),
    (re.compile(r"[\d,]+ bytes of signals"), "BYTES of signals"),
    (re.compile(r"removed after \d+\.\d s"), "removed after SECONDS"),
)
# Words for what a command has printed, so that later commands can name it.
_NAMED = (
    ("CASE", re.compile(r'"case": ?"([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z])"')),
    ("SCAN", re.compile(r'"scan": ?"([0-9a-f]{32})"')),
    ("MATCH", re.compile(r'"match": ?"([0-9a-f]{32})"')),
    ("REQUEST", re.compile(r'"request": ?"([0-9a-f]{32})"')),
    ("WATCH", re.compile(r'"watch": ?"([0-9a-f]{32})"')),
    ("KEY", re.compile(r"^Key ([0-9a-f]{32}) of role", re.M)),
    # A line that is an id and nothing else: a label, or an organisation's id.
    ("ID", re.compile(r"^([0-9a-f]{32})$", re.M)),
    ("PUBLIC_KEY", re.compile(r"^([A-Za-z0-9+/]{43}=)$", re.M)),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page: its language, its text, and the line that the text begins on."""

    language: str
    text: str
    line: int


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the blocks of code in these languages, in order."""
    return [
        Block(each[1], each[2], page.count("\n", 0, each.start(2)))
        for each in re.finditer(r"^```(\w+)\n(.*?)^```", page, re.M | re.S)
        if each[1] in languages
    ]


def steps(block: Block) -> list[tuple[str, str]]:
    """Return (command, output) of each `$ ` line of a console block."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M)
    return [(command, output) for command, output in found]


def same(shown: str, printed: str) -> bool:
    """Return whether a run printed what a page shows."""
    pattern = "".join(_pattern(_settled(line).rstrip()) for line in shown.splitlines())
    lines = "".join(f"{line.rstrip()}\n" for line in _settled(printed).splitlines())
    return re.fullmatch(pattern, lines) is not None


def _pattern(line: str) -> str:
    if line == "…":
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split("…")) + r"\n"


def _settled(text: str) -> str:
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text


@dataclass
class Walkthrough:
    """
    A run through a page, in the present folder and with the present variables.

    Attributes:
        names: Names that Python blocks can use, besides those that earlier blocks have defined.

        commands: The commands that have run, without `hashsvc`, such as `["keys", "create", …]`.

        examples: How many lines of Python have run.

        differences: What was not as the page shows, for a person to read.
    """

    names: dict[str, Any]
    commands: list[list[str]] = field(default_factory=list)
    examples: int = 0
    differences: list[str] = field(default_factory=list)
    _words: dict[str, str] = field(default_factory=dict)
    _token: str = ""

    def run(self, block: Block) -> None:
        """Run a block, and note where the page differs from what was printed."""
        if block.language == "python":
            self._run_python(block)
        elif block.language == "yaml":
            name = block.text.partition("\n")[0].removeprefix("# ")
            Path(name).write_text(block.text)
        else:
            for command, shown in steps(block):
                self._run_command(command, shown)

    def _run_command(self, command: str, shown: str) -> None:
        program, *arguments = [self._filled_in(each) for each in shlex.split(command)]
        if program == "export":
            name, _, value = arguments[0].partition("=")
            os.environ[name] = self._token if value == "hsk_…" else value
            return
        if program == "unset":
            del os.environ[arguments[0]]
            return
        assert program == "hashsvc", command
        # Run the command in this process: starting one for each would take most of the time.
        done = CliRunner().invoke(app, arguments, prog_name="hashsvc")
        self.commands.append(arguments)
        if done.exit_code != 0 or not same(self._filled_in(shown), done.output):
            self.differences.append(f"$ {command}\n{done.output}(exit code {done.exit_code})")
        self._note_words(done.output)

    def _run_python(self, block: Block) -> None:
        examples = doctest.DocTestParser().get_doctest(
            self._filled_in(block.text), self.names, "page", None, block.line
        )
        said: list[str] = []
        runner = doctest.DocTestRunner()
        self.examples += runner.run(examples, out=said.append, clear_globs=False).attempted
        self.names.update(examples.globs)
        self.differences += said

    def _filled_in(self, text: str) -> str:
        for word, value in self._words.items():
            text = re.sub(rf"\b{word}\b", value, text)
        return text

    def _note_words(self, printed: str) -> None:
        for word, pattern in _NAMED:
            if found := pattern.findall(printed):
                self._words[word] = found[-1]
        if tokens := _TOKEN.findall(printed):
            self._token = tokens[-1]


def leaf_commands(command: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the paths of typer's commands, from this one downwards, that have no subcommands."""
    below: dict[str, object] | None = getattr(command, "commands", None)
    if below is None:
        return {path}
    return {leaf for name, each in below.items() for leaf in leaf_commands(each, (*path, name))}
