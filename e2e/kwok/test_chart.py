"""The chart installs, is tested, upgraded, rolled back and removed on a real API server, and leaves nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from certificates import Authority
from cluster import ControlPlane
from foreign_crds import foreign_crds
from helm_chart import CHART, COMBINATIONS, NAMESPACE, HelmRefused, Json, helm, one, rendered
from helm_releases import CRDS, WAIT, Releases
from manifests import a_job
from processes import wait_until
from spaces import a_fake_node

RESTRICTED = "pod-security.kubernetes.io"


@pytest.fixture(scope="module")
def releases(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """Two nodes, and a namespace that admits none but restricted pods."""
    labels = {f"{RESTRICTED}/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name in (NAMESPACE, "another", "team-a", "team-b")
    ]
    made = yaml.safe_dump_all([*namespaces, a_fake_node("cpu-0"), a_fake_node("cpu-1")])
    control_plane.kubectl("create", "--filename=-", stdin=made)
    control_plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
    account = ("get", "serviceaccount", "default", "--namespace=another", "--ignore-not-found", "--output=name")
    assert wait_until(lambda: bool(control_plane.kubectl(*account)), 30.0, 0.1)
    return Releases(control_plane, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def clean(releases: Releases) -> Iterator[Releases]:
    """No release and no CRD of ours, before and after."""
    yield releases
    for release in json.loads(releases.helm("list", "--all-namespaces", "--all", "--output=json")):
        space = release["namespace"]
        releases.helm("uninstall", release["name"], f"--namespace={space}", "--no-hooks", "--wait")
    releases.remove_crds()


@pytest.fixture
def for_dry_runs(releases: Releases) -> Iterator[None]:
    """CRDs of Prometheus operator and cert-manager, and the account without which not even a dry run takes a pod."""
    account = ("serviceaccount", "heterosched-doctor", f"--namespace={NAMESPACE}")
    releases.plane.apply(*foreign_crds())
    releases.plane.kubectl("create", *account)
    yield
    releases.plane.kubectl("delete", *account)


def an_older_chart(folder: Path, version: str = "0.0.9") -> Path:
    """A package of this chart as of an older version, whose HeteroJobs knew no energy budget."""
    source = folder / "older"
    subprocess.run(["cp", "-r", str(CHART), str(source)], check=True)
    file = source / "files" / "crds" / "heterojobs.yaml"
    crd = yaml.safe_load(file.read_text())
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][
        "energyBudgetJoules"
    ]
    file.write_text(yaml.safe_dump(crd))
    helm("package", str(source), f"--version={version}", f"--app-version={version}", f"--destination={folder}")
    return folder / f"heterosched-{version}.tgz"


def spec_of(crd: Json) -> Json:
    """The properties of a HeteroJob's spec that a CRD knows."""
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def scheduler_config(plane: ControlPlane, *options: str) -> Json:
    """The chart's configuration of kube-scheduler, for one that runs outside of a pod."""
    found = one(rendered(*options), "ConfigMap", "heterosched-scheduler")
    config: Json = yaml.safe_load(found["data"]["scheduler.yaml"])
    config["clientConnection"]["kubeconfig"] = str(plane.kubeconfig)
    return config


@contextmanager
def a_real_scheduler(plane: ControlPlane, folder: Path) -> Iterator[None]:
    """kube-scheduler itself with the chart's configuration; the pods here only look as if."""
    file = folder / "scheduler.yaml"
    file.write_text(yaml.safe_dump(scheduler_config(plane)))
    program = [str(plane.bin("kube-scheduler")), f"--config={file}", "--secure-port=0"]
    process = plane.start_process("second-scheduler", program)
    try:
        yield
    finally:
        process.stop()


def holder(plane: ControlPlane) -> str:
    """Who leads."""
    lease = ("lease", "heterosched", f"--namespace={NAMESPACE}", "--output=jsonpath={.spec.holderIdentity}")
    return plane.kubectl("get", *lease)


@pytest.mark.parametrize("case", COMBINATIONS)
@pytest.mark.usefixtures("for_dry_runs")
def test_the_api_server_takes_every_rendering_without_a_warning(releases: Releases, case: str) -> None:
    plane = releases.plane
    version = json.loads(plane.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    objects = rendered(*COMBINATIONS[case], more=("--kube-version", version))
    command = [str(plane.bin("kubectl")), f"--kubeconfig={plane.kubeconfig}", "apply", "--server-side"]
    done = subprocess.run(
        [*command, "--dry-run=server", "--validate=strict", "--filename=-"],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert len(done.stdout.splitlines()) == len(objects)


def test_installed_tested_led_by_its_lease_and_removed_without_a_trace(clean: Releases, tmp_path: Path) -> None:
    plane = clean.plane
    before, roles = clean.objects(), clean.roles()
    notes = clean.install()
    assert f"helm -n {NAMESPACE} test heterosched" in notes and "No Prometheus is named" in notes
    pods = json.loads(plane.kubectl("get", "pods", f"--namespace={NAMESPACE}", "--output=json"))["items"]
    parts = sorted(pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods)
    assert parts == ["operator", "scheduler", "scheduler"]
    installed = clean.objects()
    assert "Succeeded" in clean.helm("test", "heterosched", "--timeout=60s")
    assert clean.objects() == installed
    plane.kubectl("apply", "--namespace=team-a", "--filename=-", stdin=json.dumps(a_job("kept").manifest()))
    with a_real_scheduler(plane, tmp_path):  # takes the chart's Lease, then as ever when it is upgraded
        assert wait_until(lambda: bool(holder(plane)), 30.0, 0.2)
        clean.helm("upgrade", "heterosched", str(CHART), f"--values={clean.values}", *WAIT)
        assert holder(plane)

    clean.uninstall()
    kept = {("HeteroJob", "team-a", "kept")}
    assert wait_until(lambda: clean.objects() == before | kept, 60.0, 1.0), clean.objects() ^ before
    assert wait_until(lambda: clean.roles() == roles, 30.0, 0.5)
    assert all(clean.crd(name) for name in CRDS)
    clean.remove_crds()
    assert wait_until(lambda: clean.objects() == before, 30.0, 0.5), clean.objects() ^ before
    assert [name for name in CRDS if clean.crd(name)] == []


def test_a_second_release_is_refused_and_the_first_one_takes_up_its_crds_again(clean: Releases) -> None:
    clean.install()
    created = clean.crd()["metadata"]["uid"]
    with pytest.raises(HelmRefused) as refusal:
        clean.install("other", CHART, "--namespace=another")
    said = f'installed in this cluster already, as release "heterosched" in namespace "{NAMESPACE}"'
    assert said in str(refusal.value) and "Upgrade that release, or uninstall it first" in str(refusal.value)
    assert [release["name"] for release in json.loads(clean.helm("list", "-A", "--output=json"))] == ["heterosched"]
    clean.uninstall()
    clean.install()
    assert clean.crd()["metadata"]["uid"] == created


def test_crds_of_another_release_are_handed_over_by_the_commands_that_the_refusal_prints(clean: Releases) -> None:
    clean.install("first")
    created = clean.crd()["metadata"]["uid"]
    clean.uninstall("first")
    with pytest.raises(HelmRefused, match=r'belong to release "first" in namespace "heterosched-system"') as refusal:
        clean.install("second", CHART, "--namespace=another")
    commands = re.findall(r"^ +kubectl (.*)$", str(refusal.value), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        clean.plane.kubectl(*command.split())
    clean.install("second", CHART, "--namespace=another")
    assert clean.crd()["metadata"]["uid"] == created
    assert clean.crd()["metadata"]["annotations"]["meta.helm.sh/release-name"] == "second"


def test_crds_that_kubectl_made_are_handed_over_too(clean: Releases) -> None:
    clean.plane.kubectl("create", *(f"--filename={path}" for path in (CHART / "files" / "crds").glob("*.yaml")))
    trial = ("install", "heterosched", str(CHART), "--dry-run=server")
    with pytest.raises(HelmRefused, match=r"belong to no release of Helm's") as refusal:
        clean.helm(*trial)
    for command in re.findall(r"^ +kubectl (.*)$", str(refusal.value), re.MULTILINE):
        clean.plane.kubectl(*command.split())
    assert "STATUS: pending-install" in clean.helm(*trial)


def test_namespaces_are_looked_for_before_anything_is_written(clean: Releases) -> None:
    before = clean.objects()
    with pytest.raises(HelmRefused, match=r"namespaces names team-x, team-y, not to be found in this clus") as refusal:
        clean.install("heterosched", CHART, "--set=namespaces={team-a,team-x,team-y}")
    commands = re.findall(r"^ +kubectl (.*)$", str(refusal.value), re.MULTILINE)
    assert commands == ["create namespace team-x", "create namespace team-y"]
    assert (json.loads(clean.helm("list", "--all", "--output=json")), clean.objects()) == ([], before)
    assert "STATUS: pending-install" in clean.helm(
        "install", "heterosched", str(CHART), "--dry-run=client", "--set=namespaces={team-x}"
    )


def test_from_some_namespaces_back_to_all_by_the_documented_option(clean: Releases) -> None:
    named = ("--field-selector=metadata.name=heterosched-operator", "--output=jsonpath={.items[*].metadata.namespace}")

    def places() -> set[str]:
        return set(clean.plane.kubectl("get", "rolebindings", "--all-namespaces", *named).split())

    clean.helm("install", "heterosched", str(CHART), f"--set=namespaces={{team-a,{NAMESPACE}}}")
    assert places() == {"team-a", NAMESPACE}
    options = ("--reset-then-reuse-values", "--set-json", "namespaces=[]")
    clean.helm("upgrade", "heterosched", str(CHART), *options)
    assert places() == set()


def test_upgrade_and_rollback_change_the_crds_and_keep_the_jobs(clean: Releases, tmp_path: Path) -> None:
    plane = clean.plane
    clean.install("heterosched", an_older_chart(tmp_path))
    assert "energyBudgetJoules" not in spec_of(clean.crd())
    plane.kubectl("apply", "--namespace=team-a", "--filename=-", stdin=json.dumps(a_job("kept").manifest()))
    uid = ("get", "heterojob", "kept", "--namespace=team-a", "--output=jsonpath={.metadata.uid}")
    job = plane.kubectl(*uid)

    def version() -> str:
        place = ("deployment", "heterosched-operator", f"--namespace={NAMESPACE}")
        return plane.kubectl("get", *place, "--output=jsonpath={.spec.template.spec.containers[0].image}")

    assert version() == "heterosched/operator:0.0.9"
    clean.helm("upgrade", "heterosched", str(CHART), f"--values={clean.values}", *WAIT)
    assert "energyBudgetJoules" in spec_of(clean.crd())
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (version(), plane.kubectl(*uid)) == (f"heterosched/operator:{chart['appVersion']}", job)

    clean.helm("rollback", "heterosched", *WAIT)
    assert "energyBudgetJoules" not in spec_of(clean.crd())
    assert (version(), plane.kubectl(*uid)) == ("heterosched/operator:0.0.9", job)


def test_kube_scheduler_takes_the_tls_options(releases: Releases, tmp_path: Path) -> None:
    authority = Authority(tmp_path).create()
    certificate, key = authority.sign("verbs")
    config = scheduler_config(releases.plane, *COMBINATIONS["tls by secret"])
    for extender in config["extenders"]:
        assert extender["enableHTTPS"] is True
        extender["tlsConfig"] |= {
            "caFile": str(authority.certificate),
            "certFile": str(certificate),
            "keyFile": str(key),
        }
    given, read = tmp_path / "given.yaml", tmp_path / "read.yaml"
    given.write_text(yaml.safe_dump(config))
    program = [str(releases.plane.bin("kube-scheduler")), f"--config={given}", f"--write-config-to={read}"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert read.exists(), done.stderr
    taken = yaml.safe_load(read.read_text())["extenders"]
    assert [entry["tlsConfig"]["keyFile"] for entry in taken] == [str(key), str(key)]
