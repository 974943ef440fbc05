"""What a reader of telemetry would refuse once it runs is refused when a service's settings are read, key and remedy
named.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched.settings import load
from heterosched.telemetry.options import PrometheusSettings
from heterosched.telemetry.queries import table
from heterosched_extender.settings import Settings as ExtenderSettings
from heterosched_operator.settings import Settings as OperatorSettings

BOTH = pytest.mark.parametrize("kind", [ExtenderSettings, OperatorSettings])


@BOTH
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "127.0.0.1:11166"}, "prometheus_url: not an http or https address; write http://HOST:PORT"),
        ({"queries": {"gpu_wats": "up"}}, "prometheus_queries[gpu_wats]: no such metric; use one of exporters_down, "),
        ({"queries": {"gpu_watts": " "}}, "prometheus_queries[gpu_watts]: is empty; write PromQL"),
        ({"user": "me"}, "prometheus_password_file: goes with prometheus_user"),
        ({"key_file": "k"}, "prometheus_key_file: a key without its certificate; give prometheus_cert_file too"),
    ],
)
def test_the_key_and_the_remedy_are_named(kind: type[PrometheusSettings], given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(kind, {}, None, {f"prometheus_{name}": value for name, value in given.items()})
    assert str(caught.value).startswith(f"settings: {told}")


@BOTH
def test_all_of_them_are_named_at_once_and_no_password(kind: type[PrometheusSettings]) -> None:
    given = {"url": "http://me:s3cret@p:9090", "queries": {"heat": "x", "watts.sampled": "y"}, "key_file": "k"}
    with pytest.raises(InvalidInput, match=r"_url: .*\[heat\]: .*\[watts.sampled\]: .*_key_file: ") as caught:
        load(kind, {}, None, {f"prometheus_{name}": value for name, value in given.items()})
    assert "s3cret" not in str(caught.value)


@BOTH
def test_queries_come_from_the_environment_as_json(kind: type[PrometheusSettings]) -> None:
    name = f"{kind.model_config['env_prefix']}PROMETHEUS_QUERIES"
    given = {"gpu_watts": "up", "gpu_watts.sampled": ""}
    assert load(kind, {name: json.dumps(given)}).prometheus_queries == given
    with pytest.raises(InvalidInput, match=r"prometheus_queries: .*no JSON object"):
        load(kind, {name: "gpu_watts=up"})
    with pytest.raises(InvalidInput, match=r"prometheus_queries: .*valid dictionary"):
        load(kind, {name: "[]"})


@BOTH
def test_without_an_address_none_is_wrong_and_every_row_of_the_table_can_be_replaced(
    kind: type[PrometheusSettings],
) -> None:
    queries = dict.fromkeys(table(), "up")
    assert load(kind, {}, None, {"prometheus_queries": queries}).prometheus_queries == queries
