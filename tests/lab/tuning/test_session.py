"""A session writes a policy where there is a gain and none where there is not, and says which with its interval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.search.problem import Sheet
from heterosched_lab.search.space import Dimension
from heterosched_lab.search.study import Spreading
from heterosched_lab.tuning.manifest import base, read, tuned
from heterosched_lab.tuning.session import Asked, Ended, Work, carry_out


@dataclass(frozen=True)
class Distance:
    """Cost: distance of explore to 0.3, times `effect`, and noise."""

    seed: int
    effect: float

    def sheet(self, point: Mapping[str, float]) -> Sheet:
        rng = np.random.default_rng((self.seed, round(100 * point["explore"])))
        costs = 1.0 + self.effect * abs(point["explore"] - 0.3) + rng.normal(0.0, 0.05, 12)
        return Sheet(tuple(costs.tolist()), figures={"mean": float(costs.mean())})


def asked(folder: Path, **changes: object) -> Asked:
    plain = Asked("jps", "Balanced", "found", 20, 12, 12, 5, folder, spreading=Spreading(workers=1))
    return replace(plain, **changes)  # type: ignore[arg-type]


def ended(own: Asked, effect: float) -> Ended:
    work = Work(
        (Dimension("explore", 0.0, 1.0, 0.05),),
        {"explore": 0.8},
        Distance(own.training_seed, effect),
        {"other seeds": Distance(own.unseen_seed, effect), "other trace": Distance(own.unseen_seed + 9, effect)},
        "distance",
        lambda given, point: tuned(given, jps=point),
        Distance(1, effect),
    )
    return carry_out(own, base("Balanced"), work)


def test_a_gain_is_written_with_its_provenance(tmp_path: Path) -> None:
    own = asked(tmp_path)
    found = ended(own, effect=2.0)
    assert found.manifest == tmp_path / "found.yaml"
    assert found.tuned.claimed
    text = found.manifest.read_text()
    policy = read(found.manifest)
    assert float(str(policy.spec.jps.explore)) == pytest.approx(0.3, abs=0.1)
    assert text.startswith("# gain: other seeds: +")
    assert "95 % interval" in text
    assert f"# Repeat: {own.command} (heterosched-lab" in text
    assert f"unseen {own.unseen_seed}" in text


@pytest.mark.slow
def test_without_an_effect_nothing_is_written_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "found.yaml").write_text("of an earlier session")
    refused = ended(asked(tmp_path), effect=0.0)
    assert not refused.tuned.claimed
    assert refused.manifest is None
    assert not (tmp_path / "found.yaml").exists()
    written = ended(asked(tmp_path, write_anyway=True), effect=0.0)
    assert written.manifest is not None
    assert written.manifest.read_text().startswith("# no gain can be claimed")


@pytest.mark.slow
def test_equal_sessions_leave_equal_files_but_for_what_was_measured(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        ended(asked(folder), effect=2.0)
    names = {path.name for path in one.iterdir()}
    assert names == {"auto_tune_history.csv", "autotune_trials.png", "figures.json", "found.yaml", "measured.json"}
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names - {"measured.json"})
    measured = json.loads((one / "measured.json").read_text())
    assert [own["name"] for own in measured] == ["cpu_ms_per_decision_present", "cpu_ms_per_decision_chosen"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trials": 1}, "option --trials: 1 is not within"),
        ({"unseen": 1}, "option --unseen"),
        ({"seed": -1}, "option --seed"),
        ({"name": "../up"}, "is no name of an object"),
        ({"name": "Balanced"}, "is no name of an object"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_done(
    tmp_path: Path, changes: Mapping[str, object], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        ended(asked(tmp_path / "new", **changes), effect=1.0)
    assert not (tmp_path / "new").exists()
