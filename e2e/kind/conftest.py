"""One kind cluster and one release for all modules, which run in the order of a release's life.

What fails leaves everything that could explain it in build/e2e-kind/logs; the report is written whatever happens.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import fixture_images
import images
from engine import Engine, Unavailable, find_engine
from kind_cluster import KindCluster
from kind_release import BEFORE, COMPONENTS, Release, image
from kind_report import Report
from neighbour import Neighbour
from processes import wait_until
from spaces import SpaceOn, a_namespace

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "e2e-kind"
ORDER = ("test_install", "test_jobs", "test_command_line", "test_faults", "test_lifecycle")
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A release is installed before it is broken, and removed last."""
    here = Path(__file__).parent
    ours = sorted((one for one in items if one.path.parent == here), key=lambda one: ORDER.index(one.path.stem))
    rest = [one for one in items if one.path.parent != here]
    items[:] = [*rest, *ours]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note a failure for the teardown of the session, when the cluster still stands."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.session.stash[FAILED] = True


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine with kind; without one everything here is skipped, and says why."""
    found = find_engine(os.environ, with_kind=True)
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    if found.kind is None:
        pytest.skip(f"{found.origin} is there, but no kind command: install kind, https://kind.sigs.k8s.io")
    with found:
        yield found


@pytest.fixture(scope="session")
def report(engine: Engine) -> Iterator[Report]:
    """What is told at the end, in build/e2e-kind/report.json."""
    found = Report(engine, WORK / "report.json")
    yield found
    found.write()


@pytest.fixture(scope="session")
def cluster(engine: Engine, report: Report, request: pytest.FixtureRequest) -> Iterator[KindCluster]:
    """The cluster with its GPUs, its monitoring and all images."""
    with ThreadPoolExecutor() as pool:
        building = pool.submit(built, engine)
        with KindCluster(engine, WORK, keep=bool(os.environ.get("KEEP"))) as made:
            began = time.monotonic()
            made.load(building.result())
            report.facts["seconds_to_load_images"] = round(time.monotonic() - began, 1)
            monitoring = ROOT / "deploy" / "kind" / "monitoring.yaml"
            made.kubectl("apply", f"--filename={monitoring}")
            made.kubectl("rollout", "status", "deployment/prometheus", "--namespace=monitoring", "--timeout=50s")
            report.versions_of(made)
            yield made
            if request.session.stash.get(FAILED, False):
                made.collect(WORK / "logs")
            if made.keep:
                print(
                    f"\nthe cluster stays: export KUBECONFIG={made.kubeconfig}; kind delete cluster --name {made.name}"
                )


def built(engine: Engine) -> list[str]:
    """Build the product's images and the fixtures', and give the product's the version before as well."""
    made = fixture_images.build(engine, WORK / "images")
    only = (f"--only={component}" for component in COMPONENTS)
    assert images.main(["--once", *only]) == 0, "the images could not be built; what was said is above"
    for component in COMPONENTS:
        command = ["docker", "tag", image(component), image(component, BEFORE)]
        subprocess.run(command, env=engine.environment(os.environ), check=True)
        made += [image(component), image(component, BEFORE)]
    return made


@pytest.fixture(scope="session")
def neighbour(cluster: KindCluster) -> Iterator[Neighbour]:
    """Somebody else's pods, which the default scheduler has to place all the time."""
    found = Neighbour(cluster)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def release(cluster: KindCluster, neighbour: Neighbour, report: Report) -> Release:
    """The chart, installed by helm."""
    found = Release(cluster)
    report.installing()
    found.install()
    return found


@pytest.fixture
def space(release: Release, request: pytest.FixtureRequest) -> Iterator[SpaceOn[KindCluster]]:
    """A namespace of this test's own, on a cluster that is whole, whatever the test before it has broken."""
    cluster = release.cluster
    assert wait_until(lambda: all(cluster.ready(node) for node in cluster.workers), 90.0, 0.5)
    with a_namespace(cluster, request.node.name) as name:
        yield SpaceOn(cluster, name)
