"""`python -m heterosched_lab.workloads NAME`: run a workload."""

from __future__ import annotations

if __name__ == "__main__":
    import sys

    from heterosched.errors import HeteroSchedError
    from heterosched_lab.workloads.app import app

    try:
        app(prog_name="python -m heterosched_lab.workloads")
    except HeteroSchedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from error
