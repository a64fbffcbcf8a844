"""``polyregions compile``: kernels, before they are needed."""

from __future__ import annotations

from polyregions.cli import report
from polyregions.cli.progress_lines import shown_steps


def compile_() -> int:
    """Compile all kernels now, for images, clusters and CI; it takes a minute or two, once."""
    with shown_steps("compiled", "kernels") as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.preparation import compile_kernels

        watch = Stopwatch()
        compile_kernels(progress)
    report.print_lines(f"all kernels are compiled: {watch.times().start_seconds:.1f} s")
    return 0
