"""The extender's settings are read from its own environment prefix, and its defaults keep it on loopback."""

from __future__ import annotations

import pytest

from heterosched.settings import load
from heterosched_extender.settings import ENV_PREFIX, Settings


@pytest.mark.parametrize("field", ["verbs_host", "ops_host"])
def test_everything_stays_on_loopback_unless_told_otherwise(field: str) -> None:
    assert Settings.model_fields[field].default == "127.0.0.1"


def test_the_environment_is_read_under_its_prefix() -> None:
    assert load(Settings, {f"{ENV_PREFIX}OPS_PORT": "4711"}).ops_port == 4711
