"""Runs in SAGA's own environment: HEFT on the cases of a JSON file; writes makespan and CPU seconds of each."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from saga import Network, TaskGraph  # type: ignore[import-not-found]
from saga.schedulers.heft import HeftScheduler  # type: ignore[import-not-found]

PAUSE = 10.0
"""Seconds between two lines of progress."""


def main() -> None:
    """`saga_peer.py CASES RESULTS`."""
    logging.disable(logging.CRITICAL)
    results: dict[str, dict[str, float]] = {}
    cases, told = json.loads(Path(sys.argv[1]).read_text()), time.monotonic()
    for case in cases:
        if time.monotonic() - told > PAUSE:
            told = time.monotonic()
            print(f"== bench: SAGA's HEFT, {len(results)} of {len(cases)} problems", file=sys.stderr, flush=True)
        names = [f"n{number}" for number in range(len(case["speeds"]))]
        links = [(one, two, case["bandwidth"]) for number, one in enumerate(names) for two in names[number + 1 :]]
        network = Network.create(nodes=list(zip(names, case["speeds"], strict=True)), edges=links)
        graph = TaskGraph.create(tasks=list(case["cost"].items()), dependencies=[tuple(edge) for edge in case["edges"]])
        begin = time.process_time()
        schedule = HeftScheduler().schedule(network, graph)
        results[case["key"]] = {"makespan": schedule.makespan, "cpu_seconds": time.process_time() - begin}
    Path(sys.argv[2]).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
