#!/usr/bin/env python3
"""Runs the end-to-end suite on the oldest and the newest supported Kubernetes, and writes who passed.

    .venv/bin/python deploy/control-plane/matrix.py                             # all suites, oldest and newest minor
    .venv/bin/python deploy/control-plane/matrix.py --minors 1.34 --suites test_stack test_crds --jobs 1

Two suites run at a time, each on clusters of its own; what they print is kept as build/e2e-matrix/MINOR-SUITE.log. A
minor is a row of pins in deploy/control-plane/modules; its programs are built once into a cache folder of their own.
The report is build/e2e-matrix/report.json, up to date after each suite; one that is not run on a minor stands there
with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pins import MINOR, ControlPlaneError, kubernetes_minors, minor_folder, pinned_version

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "build" / "e2e-matrix"
NEEDS_MUTATING_POLICIES = (1, 36)
"""Kubernetes serves MutatingAdmissionPolicy by default, and as v1, from this minor on: the demo's truth is one."""
NOT_REACHED = "not reached: the run goes on or was cut off"
NOT_BELOW = {"test_demo": NEEDS_MUTATING_POLICIES, "test_docs": NEEDS_MUTATING_POLICIES}


@dataclass
class Suite:
    """What became of a module of tests on a minor; `not_run` says why it was left out."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    not_run: str = ""


def suites_in(folder: Path) -> list[str]:
    """Return the names of all modules of tests."""
    return sorted(path.stem for path in folder.glob("test_*.py"))


def left_out(suite: str, minor: str) -> str:
    """Return why a suite is not run on a minor; empty where it is."""
    needed = NOT_BELOW.get(suite)
    if needed is None or tuple(map(int, minor.split("."))) >= needed:
        return ""
    return (
        f"needs Kubernetes {needed[0]}.{needed[1]}: it hands simulated run times over by a MutatingAdmissionPolicy (v1)"
    )


def read_results(xml: Path) -> Suite:
    """Return what became of a suite, from pytest's JUnit report."""
    found = Suite()
    cases = [case for case in ElementTree.parse(xml).iter("testcase") if "classname" in case.attrib]
    for case in cases:  # one without stands for an interruption
        found.seconds = round(found.seconds + float(case.attrib["time"]), 1)
        if case.find("failure") is not None or case.find("error") is not None:
            found.failed.append(case.attrib["name"])
        elif case.find("skipped") is not None:
            found.skipped += 1
        else:
            found.passed += 1
    return found


def run_suite(suite: str, minor: str, output: Path) -> Suite:
    """Run a module of tests on a minor whose programs are built; return what became of it."""
    if reason := left_out(suite, minor):
        return Suite(not_run=reason)
    xml, log = (output / f"{minor}-{suite}.{ending}" for ending in ("xml", "log"))
    xml.unlink(missing_ok=True)  # that of an earlier run would be taken for this one's
    tests = [sys.executable, "-m", "pytest", f"e2e/kwok/{suite}.py", f"--junitxml={xml}"]
    with log.open("w") as words:
        environment = {**os.environ, MINOR: minor}
        code = subprocess.run(tests, cwd=ROOT, env=environment, stdout=words, stderr=words, check=False).returncode
    found = read_results(xml) if xml.exists() else Suite()
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not found.failed:
        found.failed.append(f"pytest ended with {code}; its words stand in {log.name}")
    return found


def run_suites(
    minor: str, suites: Sequence[str], output: Path, jobs: int, record: Callable[[str, Suite], None]
) -> None:
    """Run suites on a minor, `jobs` at a time, and record each as it ends; what cuts one off lets no other start."""
    recording, cut_off = threading.Lock(), threading.Event()

    def run(suite: str) -> None:
        if cut_off.is_set():
            return
        try:
            result = run_suite(suite, minor, output)
        except BaseException:
            cut_off.set()
            raise
        with recording:
            record(suite, result)

    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(run, suite) for suite in suites]
        try:
            for future in running:
                future.result()
        finally:  # Ctrl-C reaches by itself the suites that run: they are in our process group
            cut_off.set()


def run_matrix(minors: Sequence[str], suites: Sequence[str], output: Path, jobs: int = 1) -> bool:
    """Run the suites on each minor, the report up to date after each; return whether all is well.

    CalledProcessError: a minor's programs cannot be built.
    """
    found = {minor: {suite: Suite(not_run=NOT_REACHED) for suite in suites} for minor in minors}
    for minor in minors:
        print(f"== e2e-matrix: Kubernetes {pinned_version(minor_folder(minor), 'k8s.io/kubernetes')}", flush=True)
        build = [sys.executable, str(ROOT / "deploy/control-plane/control_plane.py"), "build"]
        write_report(found, output)
        subprocess.run(build, env={**os.environ, MINOR: minor}, check=True)

        def record(suite: str, result: Suite, minor: str = minor) -> None:
            found[minor][suite] = result
            write_report(found, output)
            print(line(minor, suite, asdict(result)), flush=True)

        run_suites(minor, suites, output, jobs, record)
    return write_report(found, output)


def write_report(minors: dict[str, dict[str, Suite]], output: Path) -> bool:
    """Write report.json; return whether nothing failed and something passed on each minor."""
    report = {
        minor: {
            "kubernetes": pinned_version(minor_folder(minor), "k8s.io/kubernetes"),
            "passed": sum(suite.passed for suite in suites.values()),
            "failed": sum(len(suite.failed) for suite in suites.values()),
            "suites": {name: asdict(suite) for name, suite in sorted(suites.items())},
        }
        for minor, suites in minors.items()
    }
    (output / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    return all(row["passed"] and not row["failed"] for row in report.values())


def line(minor: str, name: str, suite: dict[str, Any]) -> str:
    """Return a row of the table: a suite as the report has it, and by name what failed."""
    counted = f"{suite['passed']} passed, {len(suite['failed'])} failed, {suite['skipped']} skipped"
    words = f"{minor:6} {name:22} {suite['not_run'] or counted} ({suite['seconds']:.0f} s)"
    return "\n".join([words, *(f"{'':6} {'':22} FAILED {test}" for test in suite["failed"])])


def print_table(output: Path) -> None:
    """Print report.json as a table."""
    for minor, row in json.loads((output / "report.json").read_text()).items():
        for name, suite in row["suites"].items():
            print(line(minor, name, suite))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix; 0 where everything passed, 1 where something failed or could not be built."""
    known = list(kubernetes_minors())
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--minors", nargs="+", choices=known, default=[known[0], known[-1]], help="default: %(default)s"
    )
    suites = suites_in(ROOT / "e2e" / "kwok")
    parser.add_argument(
        "--suites", nargs="+", choices=suites, default=suites, metavar="SUITE", help="names in e2e/kwok; default: all"
    )
    parser.add_argument("--jobs", type=int, default=2, help="suites at a time; default: %(default)s")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"argument --jobs: must be at least 1, is {options.jobs}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        good = run_matrix(options.minors, options.suites, OUTPUT, options.jobs)
    except (ControlPlaneError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        print_table(OUTPUT)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
