"""However a kind cluster ends, it is deleted and the machine's settings are put back, unless another one runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import kind_cluster
import sysctls
from binaries import ControlPlaneError
from engine import Engine
from kind_cluster import KindCluster

# Stands in for kind: notes what it is asked, fails at what $FAILS names, and knows the clusters of $OTHERS.
KIND = """#!/bin/bash
echo "$1 $2" >> "$SAID"
[ "$1" = "$FAILS" ] && { echo "ERROR: no space left" >&2; exit 1; }
[ "$1" = get ] && echo "$OTHERS"
exit 0
"""
Make = Callable[..., KindCluster]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A cluster on a machine whose only setting is the file `setting`, which a kubelet changes to 1."""
    kind, setting = tmp_path / "kind", tmp_path / "setting"
    kind.write_text(KIND)
    setting.write_text("0")
    for program in (kind, tmp_path / "docker", tmp_path / "kubectl"):
        program.write_text(program.read_text() if program.exists() else "#!/bin/bash\n")
        program.chmod(0o755)

    def note(file: Path) -> None:
        file.write_text(setting.read_text())
        setting.write_text("1")

    def put_back(file: Path) -> list[str]:
        setting.write_text(file.read_text())
        return []

    monkeypatch.setattr(sysctls, "note", note)
    monkeypatch.setattr(sysctls, "put_back", put_back)
    monkeypatch.setattr(kind_cluster, "ensure", lambda: tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def cluster(fails: str = "", others: str = "") -> KindCluster:
        settings = {"SAID": str(tmp_path / "said"), "FAILS": fails, "OTHERS": others}
        return KindCluster(Engine("of a test", "base", "node", str(kind), settings), tmp_path / "work")

    return cluster


def test_a_cluster_that_cannot_be_made_is_deleted_and_explained(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="no space left"), make(fails="create"):
        pass
    said = (tmp_path / "said").read_text().splitlines()
    assert said == ["delete cluster", "create cluster", "export logs", "delete cluster", "get clusters"]
    assert (tmp_path / "setting").read_text() == "0"
    assert (tmp_path / "work" / "logs" / "events.txt").exists()


def test_ctrl_c_while_the_logs_are_collected_deletes_it_all_the_same(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(KindCluster, "collect", interrupted)
    with pytest.raises(KeyboardInterrupt), make(fails="create"):
        pass
    assert (tmp_path / "said").read_text().splitlines()[-2:] == ["delete cluster", "get clusters"]
    assert (tmp_path / "setting").read_text() == "0"


def test_settings_are_put_back_even_if_the_cluster_cannot_be_deleted(make: Make, tmp_path: Path) -> None:
    cluster = make()
    with cluster:
        assert (tmp_path / "setting").read_text() == "1"
        broken = cluster.engine.settings
        assert isinstance(broken, dict)
        broken["FAILS"] = "delete"
        with pytest.raises(ControlPlaneError, match="no space left"):
            cluster.down()
        assert (tmp_path / "setting").read_text() == "0"
        broken["FAILS"] = ""


def test_settings_stay_while_another_cluster_runs(make: Make, tmp_path: Path) -> None:
    with make(others="theirs"):
        pass
    assert (tmp_path / "setting").read_text() == "1"
