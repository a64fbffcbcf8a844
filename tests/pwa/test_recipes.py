"""The recipes of docs/howto/pwa.md run, each where its program is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_programs import FLAGS
from scipy.io import loadmat

from polyregions.questions.extremes import extreme_output

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "pwa.md").read_text("utf-8")

MAIN = """\
#include <stdio.h>
#include "prototypes.h"

int main(void)
{
    double y[10], x[2] = {0.1, -0.2};
    int i, region = controller_value(x, y);

    printf("%d\\n", region);
    for (i = 0; i < 10; i++)
        printf("%.17g\\n", y[i]);
    return region != controller_region(x);
}
"""


def blocks(kind):
    return re.findall(rf"^```{re.escape(kind)}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def scope(tmp_path, monkeypatch):
    """What the first block of the page leaves, in a folder with its files."""
    monkeypatch.chdir(tmp_path)
    (first,) = blocks("python")
    names = {}
    exec(compile(first, "pwa.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_c(scope, tmp_path):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    (prototypes,) = blocks("c")
    (command,) = (line for line in blocks("sh")[1].splitlines() if line.startswith("gcc "))
    Path("prototypes.h").write_text(prototypes)
    Path("main.c").write_text(MAIN)
    subprocess.run(command.partition("  ")[0].split(), check=True)
    subprocess.run([compiler, *FLAGS, "main.c", "controller.o", "-lm"], check=True)
    said = subprocess.run([tmp_path / "a.out"], capture_output=True, text=True, check=True)
    region, *values = said.stdout.split()
    assert int(region) == scope["regions"].find([0.1, -0.2])
    np.testing.assert_allclose(
        [float(y) for y in values], scope["net"].forward([0.1, -0.2]), rtol=1e-12
    )


def test_octave(scope):
    octave = shutil.which("octave-cli") or shutil.which("octave")
    if octave is None:
        pytest.skip("GNU Octave is not installed")
    (recipe,) = blocks("octave")
    Path("recipe.m").write_text(recipe + "printf('%d', i); printf(' %.17g', y);")
    said = subprocess.run(
        [octave, "--no-gui", "--no-init-file", "--quiet", "recipe.m"],
        capture_output=True,
        text=True,
        check=True,
    )
    number, *values = said.stdout.split()
    assert int(number) - 1 == scope["regions"].find([0.1, -0.2])
    np.testing.assert_allclose(
        [float(y) for y in values], scope["net"].forward([0.1, -0.2]), rtol=1e-12
    )


def test_casadi(scope):
    pytest.importorskip("casadi", reason="casadi is not installed")
    expression, program = blocks("{code-block} python")
    exec(compile(expression, "pwa.md", "exec"), scope)  # noqa: S102 - our own page
    regions, net = scope["regions"], scope["net"]
    for x in regions.witnesses[::8]:
        y = np.array(scope["controller"](x)).ravel()
        np.testing.assert_allclose(y, net.forward(x), rtol=1e-9, atol=1e-12)
    exec(compile(program, "pwa.md", "exec"), scope)  # noqa: S102 - our own page
    assert abs(scope["largest"] - float(extreme_output(regions).value)) < 1e-5


def test_the_page_says_what_is_in_the_files(scope):
    keys = {*scope["pwa"], *scope["pwa"]["regions"][0]}
    first_cells = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == keys
    variables = {name for name in loadmat("controller.mat") if not name.startswith("__")}
    part = PAGE.partition("`.mat` has the cells")[2].partition("regions and inputs count")[0]
    assert set(re.findall(r"`(\w+)`", part)) == variables - {"format", "version", "network"}
