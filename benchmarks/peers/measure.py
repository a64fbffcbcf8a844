"""What the adapters share: a network file in, one line of JSON out. Needs numpy only.

An adapter runs in the environment of the program it calls, as

    python peer_NAME.py NETWORK.npz RADIUS

The file has W0, b0, W1, b1, …; the domain is the cube [-RADIUS, RADIUS]^n.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

ENOUGH = 0.5  # seconds: shorter runs are repeated, at most three times, and the best counts


def problem():
    """Layers (weight, bias) and radius named on the command line."""
    with np.load(sys.argv[1], allow_pickle=False) as file:
        count = sum(key.startswith("W") for key in file.files)
        layers = [(file[f"W{i}"].astype(float), file[f"b{i}"].astype(float)) for i in range(count)]
    return layers, float(sys.argv[2])


def peak():
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def processor_time():
    """Processor time of this process, its threads and its finished children, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(run, version, count=None):
    """Time `run`, which returns (regions, edges or None, remark), and print the outcome.

    `count` counts afterwards where the program itself does not: the regions in the cube, or
    these and all that the program found, if it looks beyond the cube.
    """
    before, best = peak(), float("inf")
    begin = time.perf_counter()
    for _ in range(3):
        start = processor_time()
        regions, edges, remark = run()
        best = min(best, processor_time() - start)
        if time.perf_counter() - begin > ENOUGH:
            break
    memory = peak() - before
    counted = regions if count is None else count()
    inside, found = counted if isinstance(counted, tuple) else (counted, counted)
    outcome = {
        "version": version,
        "regions": inside,
        "found": found,
        "edges": edges,
        "remark": remark,
        "seconds": best,
        "megabytes": memory,
    }
    print("\nOUTCOME " + json.dumps(outcome), flush=True)
