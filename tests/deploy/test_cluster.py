"""A cluster's name, place and command line are settled before anything starts, and a dead one is told from a living."""

from __future__ import annotations

from pathlib import Path

import pytest

import inventory
from binaries import ControlPlaneError
from cluster import ControlPlane
from kwokctl import create_command

PORTS = {"kwok": 1, "etcd": 2, "apiserver": 3}


@pytest.mark.parametrize("name", ["", "UPPER", "a_b", "-a", "a-", "a" * 41, "a/b"])
def test_a_name_that_is_no_label_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use at most 40 lower-case letters"):
        ControlPlane(name, tmp_path)


def test_clusters_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    one, other = ControlPlane("one", tmp_path), ControlPlane("other", tmp_path)
    assert one.folder != other.folder
    assert one.kubeconfig == tmp_path / "one" / "kubeconfig"
    assert ControlPlane("one", tmp_path).mark != one.mark


def test_a_cluster_that_is_not_up_says_so(tmp_path: Path) -> None:
    plane = ControlPlane("one", tmp_path)
    with pytest.raises(ControlPlaneError, match=r"cluster one is not up; call up\(\) first"):
        plane.bin("kubectl")
    plane.down()
    assert not plane.folder.exists()


def test_kwokctl_is_given_every_program_and_our_own_stages() -> None:
    command = create_command("one", Path("/bin"), Path("/k"), PORTS)
    assert command[:3] == ["/bin/kwokctl", "-v", "ERROR"]
    assert command[command.index("--name") + 1] == "one"
    programs = {
        "--etcd-binary=/bin/etcd",
        "--kube-apiserver-binary=/bin/kube-apiserver",
        "--kube-controller-manager-binary=/bin/kube-controller-manager",
        "--kube-scheduler-binary=/bin/kube-scheduler",
        "--kwok-controller-binary=/bin/kwok",
    }
    assert programs <= set(command)
    assert "--enable-crds=Stage,Metric,ClusterResourceUsage" in command
    assert "--disable-qps-limits" in command


def test_nothing_listens_beyond_this_machine() -> None:
    command = create_command("one", Path("/bin"), Path("/k"), PORTS)
    listeners = [argument for argument in command if "address" in argument or "listen" in argument]
    assert len(listeners) == 5
    assert all("127.0.0.1" in argument for argument in listeners)


def test_further_flags_of_the_api_server_come_after_the_first_one_of_every_part() -> None:
    command = create_command("one", Path("/bin"), Path("/k"), PORTS, ("audit-log-path=/log",))
    assert command[-1] == "--extra-args=kube-apiserver=audit-log-path=/log"
    assert "--extra-args=kube-apiserver=bind-address=127.0.0.1" in command[:-1]


def test_state_is_found_again_and_a_torn_file_is_no_state(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    assert inventory.read_state(folder) is None
    (folder / "state.json").write_text('{"name": "on')
    assert inventory.read_state(folder) is None
    inventory.write_state(folder, {"name": "one", "mark": "one-no-process-has-this", "kubeconfig": "/k"})
    (tmp_path / "environment.sh").write_text("export KUBECONFIG=/k\n")
    assert inventory.list_clusters(tmp_path) == [("one", 0, "/k")]


def test_ending_a_dead_cluster_removes_what_it_left(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    inventory.write_state(folder, {"name": "one", "mark": "one-no-process-has-this", "kubeconfig": f"{folder}/k"})
    assert inventory.end_cluster("one", tmp_path)
    assert not folder.exists()
    assert not inventory.end_cluster("one", tmp_path)


def test_exports_that_lead_to_an_ended_cluster_go_with_it_and_those_of_another_stay(tmp_path: Path) -> None:
    exports, text = tmp_path / "environment.sh", f"export KUBECONFIG={tmp_path}/one/k OTHER=1\n"
    for name, left in (("two", True), ("one", False)):
        (tmp_path / name).mkdir()
        state = {"name": name, "mark": f"{name}-no-process-has-this", "kubeconfig": f"{tmp_path}/{name}/k"}
        inventory.write_state(tmp_path / name, state)
        exports.write_text(text)
        assert inventory.end_cluster(name, tmp_path)
        assert exports.exists() == left


def test_a_state_directory_of_the_environment_is_used(tmp_path: Path) -> None:
    place = inventory.default_workdir({"XDG_STATE_HOME": str(tmp_path)})
    assert place == tmp_path / "heterosched" / "control-plane"
