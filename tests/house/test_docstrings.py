"""Every public function says what it takes, returns and raises, and shows an example."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from documented import DOCUMENTED

import polyregions as pr

scrape = pytest.importorskip("numpydoc.docscrape", reason="reads docstrings with numpydoc")

# checks of other modules whose errors are part of what a function promises
CHECKS = {"import_extra", "known_suffix", "require_complete"}


def public() -> dict[str, Any]:
    """Return the public values by name, each once: of the package and of the documented modules."""
    values = {name: getattr(pr, name) for name in pr.__all__}
    for module, names in DOCUMENTED.items():
        found = import_module(f"polyregions.{module}")
        values |= {f"{module}.{name}": getattr(found, name) for name in names}
    once = {id(value): name for name, value in reversed(values.items())}
    return {name: value for name, value in values.items() if once[id(value)] == name}


def functions(values: dict[str, Any]) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the functions among some values, and the public methods of their classes."""
    for name, value in values.items():
        if not inspect.isclass(value):
            yield name, value
            continue
        for member, method in vars(value).items():
            function = getattr(method, "__func__", method)
            if inspect.isfunction(function) and not member.startswith("_"):
                yield f"{name}.{member}", function


PUBLIC = public()
FUNCTIONS = dict(functions(PUBLIC))
CLASSES = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and not issubclass(value, Exception)
}


def called_here(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function but those of its lambdas, which others call."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.Lambda):
            yield node
            yield from called_here(node)


def raised_by(function: Callable[..., object], seen: set[object]) -> set[str]:
    """Return the package's errors raised by a function and by the helpers that it calls."""
    plain = inspect.unwrap(function)
    if plain in seen:
        return set()
    seen.add(plain)
    raised = set()
    for node in called_here(ast.parse(textwrap.dedent(inspect.getsource(plain)))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            raised.add(ast.unparse(node.exc.func).removeprefix("pr."))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            helper = plain.__globals__.get(name)
            own = name.startswith("_") and getattr(helper, "__module__", "") == plain.__module__
            if inspect.isfunction(helper) and (own or name in CHECKS):
                raised |= raised_by(helper, seen)
    return {name for name in raised if name in pr.__all__}


def described(sections: Any, *names: str) -> set[str]:
    """Return the names that some sections describe: of "a, b : float" both."""
    entries = [entry for name in names for entry in sections[name]]
    return {part.strip().lstrip("*") for entry in entries for part in entry.name.split(",")}


def lacking(function: Callable[..., object]) -> list[str]:
    """Return what the docstring of a function does not say, or says of what is not there."""
    sections = scrape.NumpyDocString(inspect.getdoc(function) or "")
    signature = inspect.signature(function)
    taken = set(signature.parameters) - {"self", "cls"}
    told = described(sections, "Parameters", "Other Parameters")
    errors = ", ".join(entry.type for entry in sections["Raises"])
    answer = [f"the parameter {name}" for name in sorted(taken - told)]
    answer += [f"{name}, which is no parameter" for name in sorted(told - taken)]
    if signature.return_annotation not in ("None", None) and not (
        sections["Returns"] or sections["Yields"]
    ):
        answer.append("Returns")
    answer += [
        f"Raises: {name}" for name in sorted(raised_by(function, set()) - set(errors.split(", ")))
    ]
    if not sections["Examples"]:
        answer.append("Examples")
    return answer


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_of_a_function_is_whole(name: str) -> None:
    assert lacking(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_returns_is_public(name: str) -> None:
    sections = scrape.NumpyDocString(inspect.getdoc(FUNCTIONS[name]) or "")
    types = [entry.type or entry.name for entry in [*sections["Returns"], *sections["Yields"]]]
    named = {word for one in types for word in re.findall(r"(?<![\w.])[A-Z]\w+", one)}
    assert named <= {public.rpartition(".")[2] for public in PUBLIC} | {"Fraction", "None"}


@pytest.mark.parametrize("name", CLASSES)
def test_the_docstring_of_a_class_describes_what_it_is_made_of(name: str) -> None:
    family = [base for base in CLASSES[name].__mro__ if base.__module__.startswith("polyregions")]
    told = set()
    for one in family:
        sections = scrape.NumpyDocString(inspect.cleandoc(one.__doc__ or ""))
        told |= described(sections, "Parameters", "Attributes")
    taken = {
        parameter
        for parameter in inspect.signature(CLASSES[name]).parameters
        if not parameter.startswith("_")
    }
    assert taken - told == set()
    properties = {
        member: value
        for member, value in inspect.getmembers(CLASSES[name])
        if isinstance(value, property)
    }
    assert [member for member, value in properties.items() if not value.__doc__] == []


def test_headings_of_docstrings_are_lines_of_their_own() -> None:
    """In private functions and kernels, too: what is wrapped into a sentence is no section."""
    files = sorted(Path(pr.__file__).parent.rglob("*.py"))
    wrapped = [
        f"{file.name}: {line}"
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if re.search(r"[A-Z][a-z]+ -{3,}(\s|$)", line)
    ]
    assert len(files) > 100
    assert wrapped == []


def half_told(size: int, *others: int) -> int:
    """Return a size.

    Parameters
    ----------
    size, length : int
    """
    return _refused(size) + sum(others)


def _refused(size: int) -> int:
    if size < 0:
        raise pr.DomainError("a size is not negative")
    return size


def test_what_is_lacking_is_seen() -> None:
    assert lacking(half_told) == [
        "the parameter others",
        "length, which is no parameter",
        "Returns",
        "Raises: DomainError",
        "Examples",
    ]
