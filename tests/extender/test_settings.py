"""The extender's settings are read from its own environment prefix, and its defaults keep the verbs on loopback."""

from __future__ import annotations

from heterosched.settings import load
from heterosched_extender.settings import ENV_PREFIX, Settings


def test_the_verbs_stay_on_loopback_unless_told_otherwise() -> None:
    assert Settings.model_fields["verbs_host"].default == "127.0.0.1"


def test_the_environment_is_read_under_its_prefix() -> None:
    assert load(Settings, {f"{ENV_PREFIX}OPS_PORT": "4711"}).ops_port == 4711
