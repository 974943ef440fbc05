"""Settings that all tests share: examples are the same on every run, and a slow machine is no failure."""

from __future__ import annotations

import sys

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("steady")

# On other systems core, lab and command line are tested without what Linux alone has: its packages, signals and shells.
collect_ignore_glob: list[str] = []
if sys.platform != "linux":
    collect_ignore_glob += [
        f"core/telemetry/test_{name}.py" for name in ("prometheus", "credentials", "rates", "exporters")
    ]
if sys.platform == "win32":
    collect_ignore_glob += ["core/test_signals.py", "cli/test_completing.py", "cli/test_watch_jobs.py"]
    collect_ignore_glob += ["lab/test_app.py", "lab/workloads/*"]
