"""Writes what of the chart is made from other sources: its CRDs, the schema of its values, the table in its README.

python deploy/chart/generate_chart.py           writes the files
python deploy/chart/generate_chart.py --check   ends with 1 when one is out of date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from values_file import CHART, comments, values
from values_schema import values_schema

CRDS = CHART.parents[1] / "crds"
MADE = "<!-- Below this line the file is made of values.yaml by `make chart-files`. -->"


def readme() -> str:
    """The README as it stands, with a row for each value below its mark."""
    written = (CHART / "README.md").read_text(encoding="utf-8").split(MADE)[0]
    rows = (f"| `{value.name}` | `{_cell(value.shown)}` | {_cell(value.comment)} |" for value in values())
    return f"{written}{MADE}\n\n| value | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def schema() -> str:
    """values.schema.json."""
    described = comments((CHART / "values.yaml").read_text(encoding="utf-8"))
    return json.dumps(values_schema(described), indent=2, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Content by path."""
    crds = {CHART / "files" / "crds" / path.name: path.read_text(encoding="utf-8") for path in CRDS.glob("*.yaml")}
    return {**crds, CHART / "values.schema.json": schema(), CHART / "README.md": readme()}


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Files that differ from what they should be, and CRDs that the source no longer has."""
    differ = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return differ + [path for path in (CHART / "files" / "crds").glob("*") if path not in wanted]


def main() -> int:
    """Write, or only check."""
    wanted = files()
    out_of_date = stale(wanted)
    if "--check" in sys.argv[1:]:
        for path in out_of_date:
            print(f"{path} is out of date; run `make chart-files`", file=sys.stderr)
        return 1 if out_of_date else 0
    for path in out_of_date:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
