"""Print the tests that a run skipped, as arguments for pytest, from its JUnit report."""

import sys
from xml.etree import ElementTree

cases = ElementTree.parse(sys.argv[1]).iter("testcase")
for case in cases:
    if case.find("skipped") is not None:
        # a module that was skipped as a whole has no class and is named after itself
        module, name = case.get("classname"), case.get("name")
        file = (module or name).replace(".", "/") + ".py"
        if file.startswith("tests/"):
            sys.stdout.write((f"{file}::{name}" if module else file) + "\n")
