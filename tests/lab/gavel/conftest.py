import os
from pathlib import Path

import pytest

from heterosched_lab.gavel.traces import absent


@pytest.fixture
def gavel_data() -> Path:
    folder = Path(os.environ.get("HETEROSCHED_DATA", "../shared/data")) / "gavel"
    if missing := absent(folder):
        pytest.skip(f"{', '.join(missing)} not in {folder}")
    return folder
