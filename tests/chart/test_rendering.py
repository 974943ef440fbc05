"""The chart renders with every combination of options into what the programs and the cluster ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from helm_chart import ALL_OPTIONS, COMBINATIONS, containers, one, pod_specs, rendered
from heterosched.settings import load
from heterosched_extender.settings import Settings as ExtenderSettings
from heterosched_operator.settings import Settings as OperatorSettings
from scheduler_config import scheduler_config

TLS = "extender.tls.mode=existingSecret,extender.tls.existingSecret=verbs"
MOUNTED = {"caFile": "ca.crt", "certFile": "tls.crt", "keyFile": "tls.key"}


def data(objects: list[dict[str, Any]], name: str) -> dict[str, str]:
    found: dict[str, str] = one(objects, "ConfigMap", name)["data"]
    return found


@pytest.mark.parametrize("case", COMBINATIONS)
def test_renders_and_names_no_object_twice(case: str) -> None:
    objects = rendered(*COMBINATIONS[case])
    names = [(entry["kind"], entry["metadata"].get("namespace"), entry["metadata"]["name"]) for entry in objects]
    assert len(names) == len(set(names))
    assert ("Deployment", "heterosched-system", "heterosched-operator") in names


@pytest.mark.parametrize("case", COMBINATIONS)
def test_every_pod_is_what_the_restricted_standard_asks_for(case: str) -> None:
    for spec in pod_specs(rendered(*COMBINATIONS[case])).values():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["enableServiceLinks"] is False
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_no_probe_gives_up_after_the_one_second_that_is_the_default() -> None:
    probes = [
        container[kind]
        for spec in pod_specs(rendered()).values()
        for container in containers(spec)
        for kind in ("startupProbe", "readinessProbe", "livenessProbe")
        if kind in container
    ]
    assert len(probes) == 7
    assert {probe["timeoutSeconds"] for probe in probes} == {5}


def test_what_runs_for_a_moment_goes_where_the_operator_goes() -> None:
    specs = pod_specs(rendered("operator.nodeSelector.arch=mine,operator.tolerations[0].operator=Exists"))
    del specs["Deployment/heterosched-scheduler"]
    assert len(specs) == 3
    for spec in specs.values():
        assert (spec["nodeSelector"], spec["tolerations"]) == ({"arch": "mine"}, [{"operator": "Exists"}])


@pytest.mark.parametrize("options", [(), (ALL_OPTIONS,), (TLS,), ("namespaces={a,b}",), (ALL_OPTIONS, TLS)])
def test_the_programs_take_their_settings(options: tuple[str, ...], tmp_path: Path) -> None:
    objects = rendered(*options)
    for name, key, kind in (
        ("heterosched-operator", "operator.yaml", OperatorSettings),
        ("heterosched-scheduler", "extender.yaml", ExtenderSettings),
    ):
        file = tmp_path / key
        file.write_text(data(objects, name)[key])
        user = {f"{kind.model_config['env_prefix']}PROMETHEUS_USER": "me"} if ALL_OPTIONS in options else {}
        found = dict(load(kind, user, file))
        assert found["namespaces"] == (("a", "b") if "namespaces={a,b}" in options else ())
        assert found["prometheus_password_file"] == ("/etc/heterosched/prometheus/password" if user else "")


def test_what_a_user_sets_wins_over_what_the_chart_sets() -> None:
    objects = rendered(r"extender.config.ops_host=\:\:,extender.config.log_format=text")
    found = yaml.safe_load(data(objects, "heterosched-scheduler")["extender.yaml"])
    assert (found["ops_host"], found["log_format"]) == ("::", "text")


def test_the_user_of_prometheus_comes_from_the_secret() -> None:
    specs = pod_specs(rendered(ALL_OPTIONS))
    for pod, container, variable in (
        ("Deployment/heterosched-operator", "operator", "HETEROSCHED_OPERATOR_PROMETHEUS_USER"),
        ("Deployment/heterosched-scheduler", "extender", "HETEROSCHED_EXTENDER_PROMETHEUS_USER"),
    ):
        (env,) = next(entry["env"] for entry in containers(specs[pod]) if entry["name"] == container)
        assert env == {"name": variable, "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "user"}}}


def test_the_scheduler_is_told_what_demo_and_tests_tell_it() -> None:
    found = yaml.safe_load(data(rendered(), "heterosched-scheduler")["scheduler.yaml"])
    assert found["leaderElection"].pop("resourceNamespace") == "heterosched-system"
    assert found == scheduler_config("", leader_elect=True)
    alone = yaml.safe_load(data(rendered("scheduler.replicas=1"), "heterosched-scheduler")["scheduler.yaml"])
    assert alone["leaderElection"]["leaderElect"] is False


def test_with_tls_both_sides_show_the_certificate_that_is_mounted() -> None:
    objects = rendered(TLS)
    found = data(objects, "heterosched-scheduler")
    for extender in yaml.safe_load(found["scheduler.yaml"])["extenders"]:
        assert extender["urlPrefix"].startswith("https://127.0.0.1:9101/")
        assert extender["enableHTTPS"] is True
        assert extender["tlsConfig"] == {key: f"/etc/heterosched/tls/{file}" for key, file in MOUNTED.items()}
    settings = yaml.safe_load(found["extender.yaml"])
    assert {settings[key] for key in ("tls_cert_file", "tls_key_file", "tls_client_ca_file")} == {
        f"/etc/heterosched/tls/{file}" for file in MOUNTED.values()
    }
    spec = pod_specs(objects)["Deployment/heterosched-scheduler"]
    assert {"name": "tls", "secret": {"secretName": "verbs", "defaultMode": 0o440}} in spec["volumes"]
    for container in containers(spec):
        assert {"name": "tls", "mountPath": "/etc/heterosched/tls", "readOnly": True} in container["volumeMounts"]


def test_cert_manager_is_asked_for_a_certificate_that_serves_both_sides() -> None:
    own = rendered("extender.tls.mode=certManager")
    certificate = one(own, "Certificate", "heterosched-extender")["spec"]
    assert certificate["ipAddresses"] == ["127.0.0.1"]
    assert {"server auth", "client auth"} <= set(certificate["usages"])
    # Renewed, it must be good to a kube-scheduler that has read the authority's certificate when it started.
    authority = one(own, "Issuer", certificate["issuerRef"]["name"])["spec"]["ca"]["secretName"]
    (root,) = (entry["spec"] for entry in own if entry.get("spec", {}).get("secretName") == authority)
    assert (root["isCA"], root["duration"]) == (True, "87600h")
    assert (certificate["secretName"], authority) == ("heterosched-extender-tls", "heterosched-extender-ca")
    assert one(own, "Issuer", root["issuerRef"]["name"])["spec"] == {"selfSigned": {}}
    theirs = rendered("extender.tls.mode=certManager,extender.tls.issuerRef.name=ours")
    assert one(theirs, "Certificate", "heterosched-extender")["spec"]["issuerRef"] == {"name": "ours"}
    assert [entry for entry in theirs if entry["kind"] == "Issuer"] == []


def images(*options: str, more: tuple[str, ...] = ()) -> set[str]:
    specs = pod_specs(rendered(*options, more=more))
    return {container["image"] for spec in specs.values() for container in containers(spec)}


def test_kube_scheduler_is_of_the_servers_own_version() -> None:
    for server, tag in (("v1.36.3", "v1.36.3"), ("v1.35.9-gke.100", "v1.35.9"), ("v1.34.1-eks-113cf36", "v1.34.1")):
        assert f"registry.k8s.io/kube-scheduler:{tag}" in images(more=("--kube-version", server))
    assert "registry.k8s.io/kube-scheduler:v1.36.0" in images("scheduler.image.tag=v1.36.0")


@pytest.mark.parametrize("registry", ["registry.example.com:5000/mirror", "localhost/mirror/"])
def test_every_image_comes_from_the_registry_that_is_named(registry: str) -> None:
    prefix = registry.rstrip("/")
    options = (f"imageRegistry={registry}", "operator.image.repository=ghcr.io/o/operator")
    found = images(*options, more=("--kube-version", "v1.36.3"))
    tag = yaml.safe_load((Path(__file__).parents[2] / "helm/heterosched/Chart.yaml").read_text())["appVersion"]
    assert found == {
        f"{prefix}/kube-scheduler:v1.36.3",
        f"{prefix}/o/operator:{tag}",
        f"{prefix}/heterosched/extender:{tag}",
        f"{prefix}/heterosched/cli:{tag}",
    }


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "a" * 64
    options = f"operator.image.digest={digest},operator.image.tag=v9,uninstall.suspendJobs=false"
    assert f"heterosched/operator@{digest}" in images(options)
    assert "heterosched/operator:v9" not in images(options)


def test_pods_restart_when_what_they_read_changes() -> None:
    def checksum(name: str, *options: str) -> str:
        found = one(rendered(*options), "Deployment", name)["spec"]["template"]["metadata"]["annotations"]
        return str(found["checksum/config"])

    for name in ("heterosched-operator", "heterosched-scheduler"):
        assert checksum(name) == checksum(name)
        assert checksum(name) != checksum(name, "prometheus.url=http://p:9090")
        assert checksum(name) != checksum(name, "namespaces={a}")


def test_without_our_priority_class_no_pod_names_it() -> None:
    for spec in pod_specs(rendered("priorityClasses.create=false")).values():
        assert "priorityClassName" not in spec


def test_what_runs_for_a_moment_leaves_nothing() -> None:
    hooks = [entry for entry in rendered(ALL_OPTIONS) if "helm.sh/hook" in entry["metadata"].get("annotations", {})]
    assert {entry["kind"] for entry in hooks} >= {"Pod", "ServiceAccount"}
    for entry in hooks:
        policies = entry["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert {"before-hook-creation", "hook-succeeded"} <= set(policies), entry["metadata"]["name"]


def test_the_tests_account_may_see_which_jobs_are_still_there() -> None:
    rules = one(rendered(), "ClusterRole", "heterosched-doctor")["rules"]
    assert {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"]} in rules


def test_what_the_uninstallation_says_is_printed_since_its_job_goes_at_once() -> None:
    annotations = one(rendered(), "Job", "heterosched-suspend")["metadata"]["annotations"]
    assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"].split(",")
    assert annotations["helm.sh/hook-output-log-policy"].split(",") == ["hook-succeeded", "hook-failed"]
