"""The page of the command line is that of the commands."""

import re

import typer
from pages import ROOT

from polyregions.cli import app

PAGE = (ROOT / "docs" / "cli.md").read_text("utf-8")


def test_every_command_and_option_is_on_the_page():
    """Not compared as a whole: another typer may word a default differently."""
    group = typer.main.get_command(app)
    parts = dict(re.findall(r"^## (\w+)$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert set(parts) == set(group.commands), "python docs/cli.py"
    for name, command in group.commands.items():
        options = {word for p in command.params for word in p.opts if word.startswith("-")}
        said = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", parts[name]))
        assert options - {"--help"} <= said, f"{name}: python docs/cli.py"
