"""Objects that the API server must take or refuse; refused ones with the field and remedy its message must name."""

from __future__ import annotations

from manifests import Manifest, a_fan, a_job, a_policy, a_profile, a_template
from refused_jobs import QUANTITY, REFUSED_JOBS, Refused

_IN_PROFILE = "spec.devices[0]"
_DEVICE_ROW = {"device": "cpu", "seconds": "1"}
_CAP = {"capWatts": 150, "seconds": "1.2", "watts": 120}

REFUSED_OTHERS = [
    Refused("policy-of-zeros", a_policy(weights={"speed": 0}), "spec.weights", "at least one of speed, energy"),
    Refused("policy-without-weights", a_policy(weights={}), "spec.weights", "at least one of speed, energy"),
    Refused("weight-negative", a_policy(weights={"speed": -1}), "spec.weights.speed", "greater than or equal to 0"),
    Refused("weight-above-100", a_policy(weights={"energy": 101}), "spec.weights.energy", "less than or equal to 100"),
    Refused("price-negative", a_policy(pricePerKWh="-0.1"), "spec.pricePerKWh", "0 or more"),
    Refused("cost-unpriced", a_policy(weighEnergyBy="Cost", carbonQuery="c"), "spec", "set priceQuery too"),
    Refused("carbon-unknown", a_policy(weighEnergyBy="Carbon", priceQuery="p"), "spec", "set carbonQuery too"),
    Refused("weighed-by-luck", a_policy(weighEnergyBy="Luck"), "spec.weighEnergyBy", "Unsupported value"),
    Refused("excluded-by-luck", a_policy(thermal={"exclusion": "Luck"}), "spec.thermal.exclusion", "Unsupported value"),
    Refused("currency", a_policy(currency="euro"), "spec.currency", "more than 3"),
    Refused(
        "thermal-order", a_policy(thermal={"warnCelsius": 95}), "spec.thermal", "lower the first or raise the second"
    ),
    Refused("same-device-above-100", a_policy(scoring={"sameDevicePercent": 101}), "spec.scoring", "equal to 100"),
    Refused("hint-negative", a_policy(scoring={"hintSeconds": -1}), "spec.scoring.hintSeconds", "equal to 0"),
    Refused("shapes-above-64", a_policy(scoring={"typicalShapes": 65}), "spec.scoring.typicalShapes", "equal to 64"),
    Refused("hook-name", a_policy(hook="Night Saver"), "spec.hook", "should match"),
    Refused("cluster-cap-zero", a_policy(powerCaps={"clusterWatts": "0"}), "spec.powerCaps.clusterWatts", QUANTITY),
    Refused(
        "group-without-selector",
        a_policy(powerCaps={"groups": [{"name": "rack", "watts": 900, "nodeSelector": {}}]}),
        "groups[0].nodeSelector",
        "at least 1 properties",
    ),
    Refused("alpha-one", a_policy(jps={"alpha": "1"}), "spec.jps.alpha", "from 0 to below 1"),
    Refused("fairness-above-one", a_policy(jps={"fairnessFloor": "1.5"}), "spec.jps.fairnessFloor", "from 0 to 1"),
    Refused("waiting-word", a_policy(waiting={"urgentSlack": "soon"}), "spec.waiting.urgentSlack", "such as 2h30m"),
    Refused("profile-empty", a_profile(devices=[]), "spec.devices", "at least 1 items"),
    Refused(
        "profile-caps-of-training",
        a_profile(devices=[{"device": "nvidia-v100", "samplesPerSecond": "9", "caps": [_CAP]}]),
        _IN_PROFILE,
        "caps go with seconds",
    ),
    Refused(
        "profile-cap-zero",
        a_profile(devices=[{**_DEVICE_ROW, "caps": [{**_CAP, "capWatts": 0}]}]),
        f"{_IN_PROFILE}.caps[0].capWatts",
        QUANTITY,
    ),
    Refused(
        "profile-device-twice", a_profile(devices=[_DEVICE_ROW, _DEVICE_ROW]), "spec.devices[1]", "Duplicate value"
    ),
    Refused(
        "profile-both-figures",
        a_profile(devices=[{**_DEVICE_ROW, "samplesPerSecond": "9"}]),
        _IN_PROFILE,
        "exactly one of the two",
    ),
    Refused("profile-no-figure", a_profile(devices=[{"device": "cpu"}]), _IN_PROFILE, "exactly one of the two"),
    Refused("profile-zero-watts", a_profile(devices=[{**_DEVICE_ROW, "watts": "0"}]), f"{_IN_PROFILE}.watts", QUANTITY),
    Refused(
        "profile-origin", a_profile(devices=[{**_DEVICE_ROW, "origin": "guessed"}]), f"{_IN_PROFILE}.origin", "measured"
    ),
]

REFUSED = REFUSED_JOBS + REFUSED_OTHERS

TAKEN: dict[str, Manifest] = {
    "one-task": a_job("one-task").manifest(),
    "integer-quantities": a_job("integers")
    .spec(energyBudgetJoules=5_000_000, powerCapWatts=900)
    .task("a", work={"runtimeOn": [{"device": "cpu", "seconds": 600}]})
    .manifest(),
    "longest-names": a_job("j" * 26).task("t" * 27).manifest(),
    "digit-first": a_job("1000genome").manifest(),
    "pod-fields-kept": a_job("pod")
    .template(a_template(tolerations=[{"key": "gpu", "operator": "Exists"}], priority=0))
    .manifest(),
    "500-tasks-and-499-wide-join": a_fan("widest", width=499, tasks=500),
    "duration-with-parts": a_job("parts").deadline(within="1h30m15s").spec(ttlAfterFinished="0s").manifest(),
    "cycle-is-the-operators": a_job("cycle").task("a").after("b").task("b").after("a").manifest(),
    "unknown-dependency-is-the-operators": a_job("unknown").task("a").after("nowhere").manifest(),
    "deadline-in-the-past-is-the-operators": a_job("past").deadline(at="2001-01-01T00:00:00Z").manifest(),
    "as-many-workers-as-min": a_job("pair").task("a", workers={"min": 2, "rendezvous": True}).manifest(),
    "smallest-policy": a_policy("smallest", weights={"thermal": 1}),
    "by-cost": a_policy("by-cost", weighEnergyBy="Cost", priceQuery="price"),
    "by-carbon": a_policy("by-carbon", weighEnergyBy="Carbon", carbonQuery="co2"),
    "cautious": a_policy("cautious", thermal={"exclusion": "Required"}),
    "free-energy": a_policy("free", pricePerKWh=0, powerCaps={"clusterWatts": "12k"}),
    "policy-with-a-hook": a_policy("nights", hook="night-saver", scoring={"anySizePods": 0}),
    "profile": a_profile(),
    "profile-caps": a_profile(devices=[{**_DEVICE_ROW, "caps": [_CAP, {**_CAP, "capWatts": "99.5"}]}]),
}
