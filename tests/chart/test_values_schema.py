"""Values that are wrong are refused before anything is installed, by their name and with what to do."""

from __future__ import annotations

import json

import pytest
import yaml

from helm_chart import CHART, HelmRefused, rendered
from heterosched.telemetry.queries import query_problems
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
    "query of no metric": ("prometheus.queries.foo=up", "at '/prometheus/queries': additional properties 'foo' not"),
    "query that asks nothing": (
        "prometheus.queries.gpu_watts=",
        "at '/prometheus/queries/gpu_watts': '' does not match pattern '^(?<PromQL_that_is_not_empty>",
    ),
    "unknown setting": ("operator.config.replan=60", "at '/operator/config': additional properties 'replan' not"),
    "setting of the chart's": ("extender.config.verbs_port=1", "additional properties 'verbs_port' not allowed"),
    "setting out of range": ("operator.config.concurrency=0", "'/operator/config/concurrency': minimum: got 0, want 1"),
    "unknown mode": ("extender.tls.mode=on", "'/extender/tls/mode': value must be one of 'off', 'existingSecret'"),
    "half a device": ("devices[0].name=mine", "at '/devices/0': missing properties 'products', 'memory'"),
    "no namespace's name": ("namespaces={Team_A}", "at '/namespaces/0': 'Team_A' does not match pattern"),
    "no digest": ("operator.image.digest=latest", "at '/operator/image/digest': 'latest' does not match pattern"),
    "no quantity": (
        "operator.resources.requests.cpu=lots",
        "at '/operator/resources/requests/cpu': 'lots' does not match pattern '^(?<a_quantity_like_500m_or_2_or_1Gi>",
    ),
    "no unit of memory": ("extender.resources.limits.memory=1GB", "'1GB' does not match pattern '^(?<a_quantity_like"),
    "less than nothing": ("scheduler.resources.requests.cpu=-1", "requests/cpu': minimum: got -1, want 0"),
    "no network": (
        "networkPolicy.ingressFrom[0].ipBlock.cidr=10.0.0.300/8",
        "ipBlock/cidr': '10.0.0.300/8' does not match pattern '^(?<a_network_like_10_0_0_0_8_or_fd00_8>",
    ),
    "an address is no network": (
        "networkPolicy.ingressFrom[0].ipBlock.cidr=10.0.0.1",
        "does not match pattern '^(?<a_net",
    ),
    "no peer": (
        "networkPolicy.ingressFrom[0].cidr=10.0.0.0/8",
        "ingressFrom/0': additional properties 'cidr' not allowed",
    ),
    "two kinds of peer in one": (
        r"networkPolicy.ingressFrom[0].ipBlock.cidr=10.0.0.0/8,networkPolicy.ingressFrom[0].podSelector.matchLabels.a=b",
        "at '/networkPolicy/ingressFrom/0': maxProperties: got 2, want 1",
    ),
    "no port": ("prometheus.url=http://prometheus:http", "does not match pattern '^(?<an_address_like_http_prometheus"),
    "no interval": (
        "monitoring.serviceMonitor.interval=often",
        "'often' does not match pattern '^(?<a_time_like_30s_or_1m30s>",
    ),
    "days for cert-manager": (
        "extender.tls.duration=90d",
        "'90d' does not match pattern '^(?<a_time_like_8760h_or_1h30m>",
    ),
    "an issuer without a name": (
        "extender.tls.issuerRef.kind=Issuer",
        "issuerRef': properties 'name' required, if 'kind'",
    ),
    "an issuer of no name": (
        "extender.tls.mode=certManager,extender.tls.issuerRef.name=",
        "at '/extender/tls/issuerRef/name': minLength: got 0, want 1",
    ),
    "a kind of issuer without its group": (
        "extender.tls.issuerRef.name=mine,extender.tls.issuerRef.kind=StepIssuer",
        "at '/extender/tls/issuerRef/kind': value must be one of 'Issuer', 'ClusterIssuer'",
    ),
    "another's kind in cert-manager's group": (
        "extender.tls.issuerRef.name=mine,extender.tls.issuerRef.kind=StepIssuer,"
        "extender.tls.issuerRef.group=cert-manager.io",
        "at '/extender/tls/issuerRef/kind': value must be one of 'Issuer', 'ClusterIssuer'",
    ),
    "no kind": (
        "extender.tls.issuerRef.name=mine,extender.tls.issuerRef.kind=step issuer,extender.tls.issuerRef.group=a.b",
        "'step issuer' does not match pattern '^(?<a_kind_like_ClusterIssuer>",
    ),
    "no key of a label": ("operator.nodeSelector.a b=c", "invalid propertyName 'a b'"),
    "no value of a label": (
        "scheduler.podLabels.team=a/b",
        "'a/b' does not match pattern '^(?<a_label_value_of_63_letters",
    ),
    "no toleration": (
        "operator.tolerations[0].effect=NoSchedul",
        "tolerations/0/effect': value must be one of 'NoSchedule'",
    ),
    "no affinity": (
        "operator.affinity.nodeAfinity.a=b",
        "'/operator/affinity': additional properties 'nodeAfinity' not",
    ),
    "no watts": (
        "devices[0].idleWatts=few",
        "'/devices/0/idleWatts': 'few' does not match pattern '^(?<a_quantity_like",
    ),
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


TAKEN = [
    "operator.resources.requests.cpu=1.5",
    "operator.resources.requests.cpu=1e3",
    "extender.resources.limits.memory=1500M,extender.resources.limits.ephemeral-storage=2Gi",
    "operator.resources.limits.memory=null",
    r"scheduler.resources.requests.example\.com/slots=2",
    "networkPolicy.ingressFrom[0].ipBlock.cidr=10.0.0.0/8,networkPolicy.ingressFrom[0].ipBlock.except[0]=10.1.0.0/16",
    "networkPolicy.ingressFrom[0].ipBlock.cidr=fd00:10::/64",
    r"networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.kubernetes\.io/metadata\.name=monitoring",
    "networkPolicy.ingressFrom[0].podSelector.matchExpressions[0].key=app,"
    "networkPolicy.ingressFrom[0].podSelector.matchExpressions[0].operator=Exists",
    "prometheus.url=https://[fd00::1]:9090/prometheus",
    r"prometheus.queries.gpu_watts=max by (node) (my_watts),prometheus.queries.gpu_watts\.sampled=",
    "prometheus.url=http://prometheus-operated.monitoring.svc/select/0/prometheus?a=b",
    "prometheus.url=http://prometheus:9090/tenants/me@home",
    "monitoring.serviceMonitor.interval=1m30s",
    "monitoring.serviceMonitor.interval=1d",
    "extender.tls.mode=certManager,extender.tls.duration=2160h0m0s",
    "extender.tls.mode=certManager,extender.tls.issuerRef.name=mine,extender.tls.issuerRef.kind=ClusterIssuer,"
    "extender.tls.issuerRef.group=cert-manager.io",
    "extender.tls.mode=certManager,extender.tls.issuerRef.name=mine,extender.tls.issuerRef.kind=AWSPCAClusterIssuer,"
    "extender.tls.issuerRef.group=awspca.cert-manager.io",
    r"operator.nodeSelector.node-role\.kubernetes\.io/control-plane=",
    "scheduler.tolerations[0].key=node-role.kubernetes.io/control-plane,scheduler.tolerations[0].operator=Exists,"
    "scheduler.tolerations[0].effect=NoSchedule",
    "operator.tolerations[0].key=,operator.tolerations[0].operator=Exists,operator.tolerations[0].effect=",
]
"""What is usual, and near to what is refused."""


@pytest.mark.parametrize("option", TAKEN)
def test_what_kubernetes_takes_is_taken(option: str) -> None:
    assert rendered(option)


@pytest.mark.parametrize("password", ["s3cret", "s3cret@home", "s3cret/a", "s3cret?", "s3cret#1", "s3cret:80"])
def test_a_password_in_the_address_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(HelmRefused, match=r"prometheus\.url carries credentials: put them into a secret") as refusal:
        rendered(f"prometheus.url=https://me:{password}@prometheus:9090")
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


def test_queries_are_taken_of_the_metrics_that_the_programs_know_and_of_no_others() -> None:
    known = SCHEMA["properties"]["prometheus"]["properties"]["queries"]["properties"]
    assert query_problems(dict.fromkeys(known, "up")) == []
    (problem,) = query_problems({"foo": "up"})
    names = problem.remedy.removeprefix("use one of ").split(", ")
    assert known.keys() == {name + suffix for name in names for suffix in ("", ".sampled")}


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
