"""Values that are wrong are refused before anything is installed, by their name and with what to do."""

from __future__ import annotations

import json

import pytest
import yaml

from helm_chart import CHART, HelmRefused, rendered
from heterosched_extender.settings import Settings as ExtenderSettings
from heterosched_operator.settings import Settings as OperatorSettings
from values_schema import CHARTS_OWN

SCHEMA = json.loads((CHART / "values.schema.json").read_text())

REFUSED = {
    "unknown key": ("prometeus.url=http://p:9090", "additional properties 'prometeus' not allowed"),
    "unknown key inside": ("operator.imgae.tag=1", "at '/operator': additional properties 'imgae' not allowed"),
    "wrong type": ("scheduler.replicas=two", "at '/scheduler/replicas': got string, want integer"),
    "no replica": ("scheduler.replicas=0", "at '/scheduler/replicas': minimum: got 0, want 1"),
    "no drain ever": (
        "scheduler.podDisruptionBudget.maxUnavailable=0",
        "'/scheduler/podDisruptionBudget/maxUnavailable': minimum: got 0, want 1",
    ),
    "no address": ("prometheus.url=prometheus:9090", "'/prometheus/url': 'prometheus:9090' does not match pattern"),
    "unknown key of a secret": ("prometheus.secretKeys={passwd}", "value must be one of 'token', 'user', 'password'"),
    "unknown setting": ("operator.config.replan=60", "at '/operator/config': additional properties 'replan' not"),
    "setting of the chart's": ("extender.config.verbs_port=1", "additional properties 'verbs_port' not allowed"),
    "setting out of range": ("operator.config.concurrency=0", "'/operator/config/concurrency': minimum: got 0, want 1"),
    "unknown mode": ("extender.tls.mode=on", "'/extender/tls/mode': value must be one of 'off', 'existingSecret'"),
    "half a device": ("devices[0].name=mine", "at '/devices/0': missing properties 'products', 'memory'"),
    "no namespace's name": ("namespaces={Team_A}", "at '/namespaces/0': 'Team_A' does not match pattern"),
    "no digest": ("operator.image.digest=latest", "at '/operator/image/digest': 'latest' does not match pattern"),
    "keys without their secret": (
        "prometheus.secretKeys={token}",
        "prometheus.secretKeys names keys, but prometheus.existingSecret names no secret: give both or neither",
    ),
    "a secret without keys": ("prometheus.existingSecret=p", "name token, user, password, ca.crt, tls.crt or tls.key"),
    "token and user": (
        "prometheus.existingSecret=p,prometheus.secretKeys={token,user,password}",
        "a token or a user with a password, not both",
    ),
    "user without password": (
        "prometheus.existingSecret=p,prometheus.secretKeys={user}",
        "user and password go together",
    ),
    "key without certificate": (
        r"prometheus.existingSecret=p,prometheus.secretKeys={tls\.key}",
        "a key goes with its certificate",
    ),
    "tls without a secret": ("extender.tls.mode=existingSecret", "name a secret with tls.crt, tls.key and ca.crt"),
    "a secret that nothing uses": ("extender.tls.existingSecret=s", "set extender.tls.mode to existingSecret"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name_with_a_remedy(case: str) -> None:
    option, said = REFUSED[case]
    with pytest.raises(HelmRefused) as refusal:
        rendered(option)
    assert said in str(refusal.value)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(HelmRefused, match=r"prometheus\.url carries credentials: put them into a secret") as refusal:
        rendered("prometheus.url=https://me:s3cret@prometheus:9090")
    assert "s3cret" not in str(refusal.value)


def test_an_old_api_server_is_refused() -> None:
    with pytest.raises(
        HelmRefused, match=r"requires kubeVersion: >=1\.34\.0-0 which is incompatible with .* v1\.33\.9"
    ):
        rendered(more=["--kube-version", "v1.33.9"])
    assert rendered(more=["--kube-version", "v1.34.0-gke.1"])


@pytest.mark.parametrize(("program", "kind"), [("operator", OperatorSettings), ("extender", ExtenderSettings)])
def test_config_takes_the_programs_own_settings_and_no_others(
    program: str, kind: type[OperatorSettings] | type[ExtenderSettings]
) -> None:
    known = SCHEMA["properties"][program]["properties"]["config"]["properties"]
    assert known.keys() == kind.model_fields.keys() - CHARTS_OWN


def test_the_schema_knows_the_same_values_as_the_file() -> None:
    given = yaml.safe_load((CHART / "values.yaml").read_text())

    def same(values: dict[str, object], schema: dict[str, object], path: str) -> list[str]:
        known = schema.get("properties")
        if not isinstance(known, dict) or not values:
            return []
        wrong = [f"{path}.{key}" for key in values.keys() ^ (known.keys() - {"global"})]
        return wrong + [
            found
            for key, value in values.items()
            if isinstance(value, dict) and key in known and "enum" not in known[key]
            for found in same(value, known[key], f"{path}.{key}")
            if not path.endswith(".resources")
        ]

    assert [name for name in same(given, SCHEMA, "") if ".resources." not in name] == []
