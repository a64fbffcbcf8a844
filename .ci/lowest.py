"""Print pip constraints: each dependency that setup.cfg names, at the lowest version it allows.

    python .ci/lowest.py EXTRA... >constraints.txt

The extras are those whose dependencies are wanted, too. Torch is left out: its old builds are
not made for every machine.
"""

import configparser
import sys
from pathlib import Path

settings = configparser.ConfigParser()
settings.read(Path(__file__).resolve().parents[1] / "setup.cfg", encoding="utf-8")
wanted = [settings["options"]["install_requires"]]
wanted += [settings["options.extras_require"][extra] for extra in sys.argv[1:]]
floors = {line.strip() for lines in wanted for line in lines.splitlines() if ">=" in line}
for floor in sorted(floors):
    if not floor.startswith("torch"):
        sys.stdout.write(floor.replace(">=", "==") + "\n")
