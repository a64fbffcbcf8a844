"""``polyregions compile``: kernels, before they are needed."""

from __future__ import annotations

from polyregions.cli import report
from polyregions.cli.progress import announced_compilation


def compile_() -> int:
    """Compile all kernels now, for images, clusters and CI; it takes a minute or two, once."""
    with announced_compilation() as compiled:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.preparation import compile_kernels

        watch = Stopwatch()
        compile_kernels()
        seconds = watch.times().start_seconds
    report.print_lines(
        f"all kernels compiled in {seconds:.0f} s"
        if compiled()
        else "all kernels were compiled before"
    )
    return 0
