"""What the tuner writes is a SchedulingPolicy that the cluster accepts, equal to its base but for what was tuned."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crds import schema_of, violations
from heterosched.errors import InvalidInput
from heterosched.policy.table import BUILT_IN, row_of
from heterosched_lab.tuning.manifest import base, read, text, tuned

FOUND = {"samples": 12.0, "alpha": 0.15, "explore": 0.05}


def test_a_built_in_policy_with_other_search_parameters(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text("quick", tuned(base("Balanced"), jps=FOUND), ("why", "by whom")))
    assert path.read_text().startswith("# why\n# by whom\napiVersion: heterosched.io/v1alpha1\n")
    row, old = row_of(read(path)), BUILT_IN["Balanced"]
    assert (row.jps.samples, row.jps.alpha, row.jps.explore) == (12, 0.15, 0.05)
    assert (row.jps.beta, row.jps.energy_weight) == (old.jps.beta, old.jps.energy_weight)
    assert row.weights == old.weights


def test_the_manifest_keeps_to_the_schema_of_the_cluster() -> None:
    manifest = yaml.safe_load(text("light", tuned(base("Energy"), weights={"speed": 7, "energy": 93, "fit": 0}), ()))
    assert violations(schema_of("SchedulingPolicy"), manifest, "policy") == []
    assert manifest["spec"]["weights"]["energy"] == 93


def test_a_policy_of_the_clusters_own_keeps_all_its_other_columns(tmp_path: Path) -> None:
    own = {
        "apiVersion": "heterosched.io/v1alpha1",
        "kind": "SchedulingPolicy",
        "metadata": {"name": "ours"},
        "spec": {"weights": {"speed": 1, "thermal": 9}, "pricePerKWh": "0.31", "thermal": {"warnCelsius": 70}},
    }
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(own))
    spec = yaml.safe_load(text("ours-tuned", tuned(base(str(path)), jps={"beta": 0.35}), ()))["spec"]
    assert spec["pricePerKWh"] == "0.31"
    assert spec["thermal"] == {"warnCelsius": 70}
    assert spec["weights"] == {"speed": 1, "thermal": 9}
    assert spec["jps"] == {"beta": "0.35"}


def test_what_the_cluster_would_refuse_is_not_written() -> None:
    with pytest.raises(InvalidInput, match="Balanced is a built-in policy"):
        text("Balanced", base("Balanced").spec, ())
    with pytest.raises(InvalidInput, match="alpha"):
        text("bad", tuned(base("Balanced"), jps={"alpha": 1.5}), ())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("kind: Pod\n", "holds no SchedulingPolicy"),
        ("a: [", "is no YAML"),
        ("kind: SchedulingPolicy\nspec: 3\n", "spec"),
    ],
)
def test_a_file_that_is_no_policy_is_named(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=problem):
        base(str(path))
    with pytest.raises(InvalidInput, match="no built-in policy and no file has this name"):
        base(str(tmp_path / "none.yaml"))
