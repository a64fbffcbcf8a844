"""Print the commands of the README's part "Two commands", one a line, as they stand there."""

import re
import sys
from pathlib import Path

readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
part = re.search(r"^## Two commands$(.*?)^## ", readme, re.DOTALL | re.MULTILINE)
commands = re.findall(r"^```sh\n(.*?)^```$", part[1] if part else "", re.DOTALL | re.MULTILINE)
if len(commands) != 2 or any(command.count("\n") != 1 for command in commands):
    sys.exit('README.md: the part "Two commands" must hold two sh blocks of one line each')
sys.stdout.writelines(commands)
