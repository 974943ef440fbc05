"""An image holds what its program needs by the hashes of the lock, the same each time, and lists what that is."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import layers
import lock
import sbom
import store
from recipes import LOCK, PYTHON, ROOT, VERSION, Image, ImageError

LOCKED = """idna==3.20 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via requests
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cc
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
uvicorn[standard]==0.34.0 \\
    --hash=sha256:ee
bare==1.0
"""


def test_the_lock_is_read_with_its_hashes_and_without_its_markers() -> None:
    found = lock.blocks(LOCKED)
    assert found["idna", "3.20"] == "idna==3.20 --hash=sha256:aa --hash=sha256:bb"
    assert found["numpy", "2.4.6"] == "numpy==2.4.6 --hash=sha256:cc"
    assert found["numpy", "2.5.5"] == "numpy==2.5.5 --hash=sha256:dd"
    assert ("uvicorn", "0.34.0") in found


def test_the_committed_lock_has_a_hash_for_every_entry() -> None:
    found = lock.blocks(LOCK.read_text())
    assert len(found) > 50
    assert [entry for entry in found.values() if "--hash=sha256:" not in entry] == []


def test_only_what_was_resolved_is_taken() -> None:
    chosen = lock.chosen([("numpy", "2.4.6"), ("idna", "3.20")], lock.blocks(LOCKED))
    assert [line.split()[0] for line in chosen.splitlines()] == ["idna==3.20", "numpy==2.4.6"]


@pytest.mark.parametrize(("pin", "said"), [(("idna", "4.0"), "lacks idna==4.0"), (("bare", "1.0"), "no hash of bare")])
def test_what_the_lock_does_not_hold_is_refused(pin: tuple[str, str], said: str) -> None:
    with pytest.raises(ImageError, match=f"{said}.*make lock"):
        lock.chosen([pin], lock.blocks(LOCKED))


def installed(folder: Path) -> store.Store:
    """A folder as an installer leaves it, with what it noted about this machine."""
    info = folder / "Two_Words-1.0.dist-info"
    (folder / "two_words" / "tests").mkdir(parents=True)
    (folder / "two_words" / "tests" / "test_it.py").write_text("")
    (folder / "two_words" / "__init__.py").write_text("answer = 42\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "two").write_text(f"#!{sys.executable}\n")
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Two_Words\nVersion: 1.0\nSummary: Says two words\n"
        "Classifier: License :: OSI Approved :: MIT License\n"
    )
    (info / "direct_url.json").write_text("{}")
    files = ["two_words/__init__.py", "two_words/tests/test_it.py", "bin/two", "../share/x", f"{info.name}/METADATA"]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in [*files, f"{info.name}/direct_url.json"]))
    store.tidy(folder)
    store.compile_all(folder)
    return store.Store(folder)


def test_nothing_of_this_machine_stays_in_what_was_installed(tmp_path: Path) -> None:
    found = installed(tmp_path / "lib")
    listed = [path.relative_to(found.folder).as_posix() for path in found.files(["two-words"])]
    code = f"two_words/__pycache__/__init__.cpython-{sys.version_info.major}{sys.version_info.minor}.pyc"
    init, test = "two_words/__init__.py", "two_words/tests/test_it.py"
    assert sorted(listed) == sorted(["Two_Words-1.0.dist-info/METADATA", code, init, test])
    assert not (found.folder / "bin").exists()


_WITHOUT_MODELS = """
import asyncio, importlib.abc, sys
import store

class Left(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if store.UNUSED.match(name.replace(".", "/") + ".py"):
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Left())
from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from kubernetes.aio import client

async def main():
    async with await Kube.connect(sys.argv[1]) as kube:
        for asked in (kube.list("/api/v1/nodes"), anext(kube.watch("/api/v1/pods", "1"))):
            try:
                await asked
            except HeteroSchedError as error:
                print(type(error).__name__)
    try:
        client.CoreV1Api
    except (ImportError, AttributeError):
        print("left out")

asyncio.run(main())
"""

_NOBODY = """{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: u, user: {token: none}}]}"""


@pytest.mark.slow
def test_our_client_works_without_the_models_that_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(_NOBODY)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "deploy" / "images")}
    command = [sys.executable, "-c", _WITHOUT_MODELS, str(file)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == ["ApiUnavailable", "ApiUnavailable", "left out", ""], done.stderr


def test_what_nothing_uses_is_left_out_and_not_listed(tmp_path: Path) -> None:
    parts = ("client", "aio/client")
    kept = {f"kubernetes/{part}/{name}" for part in parts for name in ("rest.py", "models/__init__.py")}
    every = {*kept, *(f"kubernetes/{part}/{name}" for part in parts for name in ("models/v1_pod.py", "api/core.py"))}
    info = tmp_path / "kubernetes-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in every))
    for name in every:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    store.tidy(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")} == kept
    assert (info / "RECORD").read_text().split() == sorted(f"{name},," for name in kept)


def wheel(folder: Path, answer: int) -> None:
    """A wheel of ours, always under the same name and version."""
    folder.mkdir(exist_ok=True)
    info = f"heterosched-{VERSION}.dist-info"
    contents = {
        "heterosched/__init__.py": f"answer = {answer}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: heterosched\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*contents, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"heterosched-{VERSION}-py3-none-any.whl", "w") as archive:
        for name, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(name), text)


def test_our_own_packages_are_those_that_were_just_built(tmp_path: Path) -> None:
    for answer in (1, 2):
        wheel(tmp_path / "wheels", answer)
        target = tmp_path / f"store-{answer}"
        store.install("", ["heterosched"], tmp_path / "wheels", target, "amd64", PYTHON)
        assert (target / "heterosched" / "__init__.py").read_text() == f"answer = {answer}\n"


def test_byte_code_depends_on_the_source_alone(tmp_path: Path) -> None:
    def code(name: str, time_s: int) -> bytes:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "module.py").write_text("def f():\n    return 1\n")
        os.utime(folder / "module.py", (time_s, time_s))
        store.compile_all(folder)
        (path,) = folder.glob("__pycache__/*.pyc")
        return path.read_bytes()

    assert code("a", 1_000_000_000) == code("elsewhere", 1_700_000_000)


def test_a_layer_is_the_same_whenever_its_files_are(tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.py").write_text("b")
        (tmp_path / name / "a.py").write_text("a")
        paths = sorted((tmp_path / name).iterdir(), reverse=name == "second")
        layers.write_layer(tmp_path / f"{name}.tar", layers.library(tmp_path / name, paths), 1_700_000_000)
        digests.append(hashlib.sha256((tmp_path / f"{name}.tar").read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    with tarfile.open(tmp_path / "first.tar") as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == [
        "opt", "opt/heterosched", "opt/heterosched/lib", "opt/heterosched/lib/a.py", "opt/heterosched/lib/b.py"
    ]  # fmt: skip
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 1_700_000_000)}
    assert [oct(member.mode) for member in members] == ["0o755"] * 3 + ["0o644"] * 2


def test_a_launcher_starts_its_function_and_ends_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "slow_program.py").write_text(
        "import sys, time\ndef main():\n    print('up', flush=True)\n    time.sleep(60)\n"
    )
    ((name, content, mode),) = layers.programs({"slow": "slow_program:main"})
    assert (name, mode) == (PurePosixPath("opt/heterosched/bin/slow"), 0o755)
    assert isinstance(content, bytes)
    (tmp_path / "slow").write_bytes(content)
    command = [sys.executable, str(tmp_path / "slow")]
    with subprocess.Popen(command, env={"PYTHONPATH": str(tmp_path)}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("fields", "classifiers", "expected"),
    [
        ({"License-Expression": "MIT OR Apache-2.0", "License": "x"}, [], "MIT OR Apache-2.0"),
        ({"License": "BSD-3-Clause"}, ["License :: OSI Approved :: MIT License"], "BSD-3-Clause"),
        ({"License": "Copyright (c) X\nAll rights"}, ["License :: OSI Approved :: MIT License"], "MIT License"),
        ({"License": "UNKNOWN"}, ["License :: OSI Approved"], ""),
    ],
)  # fmt: skip
def test_a_licence_is_what_the_package_says(fields: dict[str, str], classifiers: list[str], expected: str) -> None:
    assert sbom.licence(fields, classifiers) == expected


STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u14

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


def test_the_bill_of_materials_lists_everything_and_is_the_same_each_time(tmp_path: Path) -> None:
    system = sbom.of_debian(STATUS, 'ID=debian\nVERSION_ID="12"\n')
    found = installed(tmp_path / "lib")
    found.packages["heterosched"] = found.packages["two-words"]
    image = Image("cli", (), "heterosched", "Trial")
    for name in ("first", "second"):
        parts = sbom.components(image, [("two-words", "1.0")], found, system)
        sbom.write(tmp_path / name, sbom.bill(image, "amd64", 1_700_000_000, parts))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    bill = json.loads((tmp_path / "first").read_text())
    purls = {component["purl"]: component for component in bill["components"]}
    assert set(purls) == {
        "pkg:pypi/two-words@1.0",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12",
    }
    assert purls["pkg:pypi/two-words@1.0"]["licenses"] == [{"license": {"name": "MIT License"}}]
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    assert bill["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
