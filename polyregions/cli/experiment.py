"""``polyregions experiment``: the papers' experiments, counted exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
import typer

from polyregions.cli import options, report
from polyregions.cli.report import announced_compilation
from polyregions.errors import PolyregionsError
from polyregions.run.progress import shown_rows

if TYPE_CHECKING:
    from polyregions.experiments.runner import Table

_TABLES = ("csv", "parquet")


@dataclass(frozen=True)
class Size:
    """How large an experiment is, and on what."""

    full: Annotated[bool, typer.Option("--full", help="The papers' sizes: takes hours.")] = False
    mnist: Annotated[
        Path | None,
        typer.Option("--mnist", metavar="FOLDER", help="MNIST as IDX files. Default: digits."),
    ] = None
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", help="Every row depends on S and its numbers.")
    ] = 0
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=JSON", help="Change a setting: runs=3; repeatable."),
    ] = None


@options.grouped
def experiment_command(
    size: Size,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the experiment; without it, the list.")
    ] = "list",
    output: Annotated[
        Path,
        options.output_option("FOLDER", "Where files go. Default: experiments."),
    ] = Path("experiments"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that the folder holds.")
    ] = False,
    table: Annotated[
        str, typer.Option("--table", metavar="FORMAT", help="csv or parquet.")
    ] = "csv",
    as_json: options.AsJson = False,
) -> int:
    """Run an experiment: rows, a table and a figure in a folder; its findings on stdout."""
    from polyregions.experiments.runner import NAMES
    from polyregions.experiments.runner import experiment as experiment_named

    if name == "list":
        if as_json:
            report.print_json(NAMES)
        else:
            report.print_lines(*(f"{name:20}{about}" for name, about in NAMES.items()))
        return 0
    chosen = experiment_named(name)
    if table not in _TABLES:
        raise PolyregionsError(f"a table is written as csv or parquet, not {table}")
    config = _configured(chosen, size)
    from polyregions.experiments.data import load_images
    from polyregions.files.reading import import_extra

    # what is missing is said before the work, not after it
    import_extra("matplotlib", "plot", "drawing the figure of an experiment")
    if table == "parquet":
        import_extra("pyarrow", "parquet", "writing Parquet")
    if size.mnist is not None and not chosen.uses_images:
        raise PolyregionsError(f"{name} uses no images; leave out --mnist")
    data = load_images(size.mnist) if chosen.uses_images else None
    rows = _rows_file(output, name, resume)
    try:
        with announced_compilation(), shown_rows(True) as progress:
            found = chosen.run(config, data=data, file=rows, progress=progress)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop).replace("resume it", "add --resume")) from None
    files = _written_files(chosen, found, output, name, cast("Literal['csv', 'parquet']", table))
    if as_json:
        report.print_json(
            {
                "experiment": name,
                "config": config.as_dict(),
                "data": None if data is None else data.fingerprint,
                "rows": len(next(iter(found.values()))),
                "proven": bool(np.all(found.get("proven", False))),
                "findings": chosen.findings(found),
                "files": [str(rows), *map(str, files)],
            }
        )
    else:
        report.print_lines(*chosen.findings(found), _proof_line(found))
    report.tell(f"saved: {', '.join(str(file) for file in (rows, *files))}")
    return 0


def _configured(chosen: Any, size: Size) -> Any:
    from polyregions.experiments.runner import overridden

    config = chosen.Config.full(size.seed) if size.full else chosen.Config(size.seed)
    for assignment in size.settings or []:
        config = overridden(config, assignment)
    return config


def _rows_file(folder: Path, name: str, resume: bool) -> Path:
    """Return where the rows go; refuse to write over a run, or to resume none."""
    if folder.exists() and not folder.is_dir():
        raise PolyregionsError(f"{folder} is a file; name a folder")
    rows = folder / f"{name}.jsonl"
    if rows.exists() and not resume:
        raise PolyregionsError(
            f"{rows} holds an earlier run; add --resume to go on with it, or name another folder"
        )
    if resume and not rows.exists():
        raise PolyregionsError(f"there is no {rows} to go on with; leave out --resume")
    folder.mkdir(parents=True, exist_ok=True)
    return rows


def _written_files(
    chosen: Any, found: Table, folder: Path, name: str, suffix: Literal["csv", "parquet"]
) -> tuple[Path, Path]:
    from polyregions.experiments.drawing import save
    from polyregions.io.tables import write_table

    table, figure = folder / f"{name}.{suffix}", folder / f"{name}.png"
    write_table(found, table)
    save(chosen.figure(found), figure)
    return table, figure


def _proof_line(found: Table) -> str:
    rows = len(next(iter(found.values())))
    if "proven" not in found:
        return f"{rows:,} rows; nothing is counted here: distances are floats of exact regions"
    exact = int(found["exact_decisions"].sum())
    state = "all counts proven" if found["proven"].all() else "NOT ALL PROVEN"
    return f"{rows:,} rows, {state}; {exact:,} decisions in exact arithmetic"
