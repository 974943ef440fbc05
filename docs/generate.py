"""Writes docs/reference/ from the code, the CRDs, the command line and the chart's values.

python docs/generate.py           writes the pages
python docs/generate.py --check   ends with 1 when a page is out of date
"""

from __future__ import annotations

import sys
from pathlib import Path

from pages import chart, code, commands, crds

FOLDER = Path(__file__).resolve().parent / "reference"
PAGES = {
    "heterojob.md": crds.heterojob_page,
    "schedulingpolicy.md": crds.schedulingpolicy_page,
    "throughputprofile.md": crds.throughputprofile_page,
    "conditions.md": code.conditions_page,
    "metrics.md": code.metrics_page,
    "settings.md": code.settings_page,
    "policies.md": code.policies_page,
    "strategies.md": code.strategies_page,
    "telemetry.md": code.telemetry_page,
    "commands.md": commands.commands_page,
    "checks.md": commands.checks_page,
    "values.md": chart.values_page,
}


def outdated(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are not what the code says."""
    return [
        name
        for name, make in PAGES.items()
        if not (folder / name).exists() or (folder / name).read_text() != make() + "\n"
    ]


def main() -> int:
    """Write or check."""
    if "--check" in sys.argv[1:]:
        old = outdated()
        print(f"out of date: {', '.join(old)}; run python docs/generate.py" if old else "docs/reference is up to date")
        return 1 if old else 0
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
