"""The page of the command line, read from the commands.

    python docs/cli.py          writes docs/cli.md

``tests/house/test_cli_page.py`` fails when it is out of date.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from polyregions.cli import app

PAGE = Path(__file__).resolve().parent / "cli.md"
INTRODUCTION = """\
# The command line

Written by `python docs/cli.py` from the commands themselves. Every verb is a function of
`polyregions`, too: [](api.md).

Every command prints one JSON object with `--json`; `polyregions --install-completion` teaches the
shell its options. Results go to stdout, progress to stderr. Exit codes: 0 done, 1 a check failed
or a bound is violated, 2 bad input or usage, 3 stopped by a limit or Ctrl-C; what was found until
then is saved and labelled as partial. 70 is a fault of the program itself; with
`POLYREGIONS_TRACEBACK=1` set it prints what a report needs.

`count` prints beside its result what theory says, for N hidden units and n inputs: the scale N^n
/ n! of Hanin & Rolnick 2019 (not a bound by itself), and the upper bounds of Zaslavsky (one
hidden layer), Montúfar 2017 and Serra et al. 2018, each only where its theorem applies;
elsewhere, and where a number of a deep and wide network would take minutes, `--json` says `null`.
"""


def page() -> str:
    """Return the page: a part for each command, with its options in a table."""
    group: Any = typer.main.get_command(app)
    above = group.make_context("polyregions", ["count", "--help"], resilient_parsing=True)
    return "\n".join(
        [INTRODUCTION, *(part(group, above, name) for name in group.list_commands(above))]
    )


def part(group: Any, above: Any, name: str) -> str:
    """Return what the page says of one command."""
    command = group.get_command(above, name)
    context = type(above)(command, info_name=name, parent=above)
    usage = " ".join(["polyregions", name, *command.collect_usage_pieces(context)])
    examples = [line.strip() for line in (command.epilog or "").splitlines()]
    typed = [line for line in examples if line.startswith("polyregions ")]
    records = [parameter.get_help_record(context) for parameter in command.params]
    options = [record for record in records if record is not None and record[0] != "--help"]
    lines = [f"## {name}", "", f"`{usage}`", "", quoted(command.help or "").strip(), ""]
    if typed:
        lines += ["```sh", *typed, "```", ""]
    if options:
        lines += ["| option | what it does |", "|---|---|"]
        lines += [f"| `{cell(names)}` | {cell(what)} |" for names, what in options] + [""]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a help text as Markdown."""
    return re.sub(r"``(.*?)``", r"`\1`", text.replace("\b", ""))


def cell(text: str) -> str:
    """Return a text that stays in one cell of a table."""
    return quoted(" ".join(text.split())).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
