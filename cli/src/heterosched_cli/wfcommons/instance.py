"""A WfCommons instance from its file, no larger than a HeteroJob may be."""

from __future__ import annotations

from pathlib import Path

from heterosched.wfcommons import Instance, parse_instance
from heterosched_cli.files import read_bytes, title_of

MOST_TASKS = 500
"""The most that a HeteroJob may hold (the CRD's bound)."""


def read_instance(path: Path) -> Instance:
    """Read and check. Raises InvalidInput (not WfFormat 1.5, more than 500 tasks, a cycle) or BadRows."""
    return parse_instance(read_bytes(path), title_of(path), MOST_TASKS)
