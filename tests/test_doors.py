"""What contributors are told, what runs for a change, and what pre-commit runs are the same."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / ".ci").is_dir():
    pytest.skip("a source archive without .ci", allow_module_level=True)

STEPS = re.search(r"^ALL=\((.*)\)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.M)[1].split()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_step_is_explained():
    assert re.findall(r"^\| `(\w+)` \|", CONTRIBUTING, re.M) == STEPS


def test_the_workflow_calls_every_step_and_nothing_else():
    job = load(".github/workflows/ci.yml")["jobs"]["step"]
    assert job["strategy"]["matrix"] == {"step": STEPS}
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run ${{ matrix.step }}"]


def test_the_workflow_has_every_python_that_is_claimed():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    claimed = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    steps = load(".github/workflows/ci.yml")["jobs"]["step"]["steps"]
    versions = next(step["with"]["python-version"] for step in steps if "with" in step)
    assert sorted(versions.split()) == sorted(claimed)


def test_hooks_run_what_the_step_lint_runs():
    (local,) = load(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"  # the environment's tools: the versions of the extra "test"
    entries = [" ".join(shlex.split(hook["entry"])[:2]) for hook in local["hooks"]]
    lint = (ROOT / ".ci" / "run").read_text("utf-8").partition("\nlint() {")[2].partition("\n}")[0]
    for tool in ("ruff check", "ruff format", "mypy"):
        assert tool in entries
        assert f"\n    {tool}" in lint


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_forms_are_whole(form):
    content = load(form)
    if form.stem == "config":
        assert content == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(content)
    ids = [field["id"] for field in content["body"] if field["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert all(
        set(field) <= {"type", "id", "attributes", "validations"} for field in content["body"]
    )


def test_files_that_are_named_exist():
    names = re.findall(r"(?:`|\]\()((?:docs|tests|benchmarks|\.ci)/[\w./]+)[`)]", CONTRIBUTING)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []
