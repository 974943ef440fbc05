"""Finds the programs of the control plane in the cache, or downloads or builds them into it.

The pinned Go modules in `modules/` are the one place where versions stand: the cache folder is named after them, a
download asks for them, and a build is checked against their `go.sum`. Programs enter the cache one by one by a rename
within it, and only after they have answered with their version, so an interrupted run is continued by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import downloads
from guardian import Guardian, marked_environment
from pins import MINOR, MODULES, ControlPlaneError, minor_folder, pinned_version
from progress import Progress, duration

__all__ = ["ControlPlaneError", "cache_folder", "ensure"]


@dataclass(frozen=True)
class Module:
    """A pinned Go module and the programs built from it."""

    name: str
    path: str
    """Import path of the required module, as `go.mod` has it."""
    programs: Mapping[str, str]
    """Program -> package that holds its `main`."""
    stamps: tuple[str, ...]
    """Go variables that a release build sets to its version, each as `name=value` with `{v}`, `{major}`, `{minor}`."""
    expected_s: float
    """Cold build time in seconds on two cores, measured."""

    @property
    def folder(self) -> Path:
        """Folder with `go.mod`, `go.sum` and `tools.go`: of Kubernetes the one of the minor that `MINOR` asks for."""
        return minor_folder(os.environ.get(MINOR, "")) if self.name == "kubernetes" else MODULES / self.name

    def version(self) -> str:
        """Return the pinned version without the leading `v`; ControlPlaneError if `go.mod` does not name it."""
        return pinned_version(self.folder, self.path)


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")

ETCD = Module("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}, (), 45.0)
KWOK = Module(
    "kwok",
    "sigs.k8s.io/kwok",
    {name: f"sigs.k8s.io/kwok/cmd/{name}" for name in ("kwok", "kwokctl")},
    ("sigs.k8s.io/kwok/pkg/consts.Version=v{v}",),
    80.0,
)
KUBERNETES = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES},
    tuple(
        f"{package}.{variable}"
        for package in _VERSION_PACKAGES
        for variable in ("gitVersion=v{v}", "gitMajor={major}", "gitMinor={minor}")
    ),
    290.0,
)
HELM = Module(
    "helm",
    "helm.sh/helm/v3",
    {"helm": "helm.sh/helm/v3/cmd/helm"},
    (
        "helm.sh/helm/v3/internal/version.version=v{v}",
        # The Kubernetes that `helm template` and `helm lint` assume: that of its client-go, as in helm's own release.
        *(
            f"helm.sh/helm/v3/pkg/{package}.{variable}"
            for package in ("chartutil", "lint/rules")
            for variable in ("k8sVersionMajor=1", "k8sVersionMinor=37")
        ),
    ),
    60.0,
)
ALL_MODULES = (ETCD, KWOK, KUBERNETES, HELM)
PROGRAMS = tuple(program for module in ALL_MODULES for program in module.programs)


def go_platform(system: str | None = None, machine: str | None = None) -> tuple[str, str]:
    """Return Go's names for the operating system and processor, such as `("linux", "amd64")`."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    machine = machine or platform.machine()
    return (system or platform.system()).lower(), names.get(machine, machine)


def cache_key(versions: Mapping[str, str], goos: str, goarch: str) -> str:
    """Return the cache folder's name: the same versions on the same platform share one, others never do.

    Helm's stands there only where it is not the first one, 3.22.0: what was cached before there was a chart stays good.
    """
    first_helm = versions["helm"] == "3.22.0"
    named = ("kubernetes", "etcd", "kwok") if first_helm else ("kubernetes", "etcd", "kwok", "helm")
    pins = "_".join(f"{name}-{versions[name]}" for name in named)
    return f"{pins}_{goos}-{goarch}"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder whose `bin/` holds the programs of the pinned versions (it may not exist yet)."""
    root = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    key = cache_key({module.name: module.version() for module in ALL_MODULES}, *go_platform())
    return Path(root) / "heterosched" / "control-plane" / key


def missing(folder: Path, programs: Sequence[str] = PROGRAMS) -> list[str]:
    """Return the programs that `folder`/bin lacks."""
    return [program for program in programs if not os.access(folder / "bin" / program, os.X_OK)]


def link_flags(module: Module) -> str:
    """Return the linker flags: no debug tables, and the version that a plain `go build` would not know."""
    version = module.version()
    major, minor = version.split(".")[:2]
    stamps = [stamp.format(v=version, major=major, minor=minor) for stamp in module.stamps]
    return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in stamps)])


def build_command(module: Module, target: Path) -> list[str]:
    """Return the `go build` command that writes the module's programs into the folder `target`."""
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", link_flags(module)]
    # One package may go to a named file; several go, under the names of their packages, into a folder.
    names = list(module.programs)
    output = str(target / names[0]) if len(names) == 1 else f"{target}/"
    return ["go", "build", *flags, "-o", output, *module.programs.values()]


def verify(program: Path, version: str) -> None:
    """Run the program and compare the version it reports; ControlPlaneError if it does not start or differs."""
    asked = {"kubectl": ["version", "--client"], "helm": ["version", "--short"]}.get(program.name, ["--version"])
    command = [str(program), *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(f"{program.name} does not run: `{' '.join(command)}` says {done.stderr.strip()!r}")
    if not re.search(rf"\bv?{re.escape(version)}\b", done.stdout):
        raise ControlPlaneError(f"{program.name}: expected version {version}, it reports {done.stdout.strip()!r}")


def admit(module: Module, source: Path, folder: Path) -> None:
    """Move the module's programs from `source` into the cache, each verified first and renamed into place."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for program in module.programs:
        (source / program).chmod(0o755)
        verify(source / program, module.version())
        (source / program).replace(folder / "bin" / program)


@contextlib.contextmanager
def locked(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the cache's lock: two runs never build at once. The kernel drops it when its holder ends, however."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("control plane: another run is filling the cache, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give a folder on the cache's own file system, so that a rename into the cache is atomic."""
    for stale in folder.glob("partial-*"):  # of a run that was killed: the lock is ours, so it is nobody's
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder, ignore_cleanup_errors=True) as name:
        yield Path(name)


def build(
    module: Module,
    folder: Path,
    progress: Progress,
    enter: Callable[[Module, Path, Path], None] = admit,
) -> None:
    """Build the module's programs and let `enter` move them into the cache `folder`, whose lock the caller holds."""
    if shutil.which("go") is None:
        raise ControlPlaneError("Go is not installed; `control_plane.py doctor` says how to get it")
    mark = f"build-{uuid.uuid4().hex}"
    log = folder / f"build-{module.name}.log"
    with _scratch(folder) as scratch, log.open("wb") as output:
        settings = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTMPDIR": str(scratch)}
        guardian = Guardian(mark, scratch)  # should this process be killed, the compilers end too
        try:
            process = subprocess.Popen(
                build_command(module, scratch),
                cwd=module.folder,
                env=marked_environment(mark, settings),
                stdout=output,
                stderr=output,
            )
            progress.wait_for(process, f"building {module.name} {module.version()}", module.expected_s)
            if process.returncode != 0:
                tail = log.read_text(errors="replace").strip().splitlines()[-8:]
                raise ControlPlaneError(f"go build of {module.name} failed ({log}):\n  " + "\n  ".join(tail))
            enter(module, scratch, folder)
        finally:
            guardian.clean_up()


def _adopt(folder: Path) -> None:
    """Take over what the folders of other minors have already: all but Kubernetes is the same there."""
    pins = folder.name.partition("_")[2]
    for other in sorted(folder.parent.glob(f"kubernetes-*_{pins}")):
        for module in (ETCD, KWOK, HELM):
            lacking = missing(folder, list(module.programs))
            if other != folder and lacking and not missing(other, lacking):
                with _scratch(folder) as scratch:
                    for program in module.programs:
                        shutil.copy2(other / "bin" / program, scratch / program)
                    admit(module, scratch, folder)


def _build_all(folder: Path, progress: Progress) -> None:
    _adopt(folder)
    todo = [module for module in ALL_MODULES if missing(folder, list(module.programs))]
    if not todo:
        return
    total = sum(module.expected_s for module in todo)
    progress.say(
        f"control plane: building {', '.join(f'{m.name} {m.version()}' for m in todo)} from pinned Go modules into"
        f" {folder}; about {duration(total)} on two cores when nothing is cached, once"
    )
    for module in todo:
        build(module, folder, progress)


def _download_all(folder: Path, progress: Progress) -> None:
    goos, goarch = go_platform()
    versions = {module.name: module.version() for module in ALL_MODULES}
    progress.say(f"control plane: downloading the released programs (about 170 MB) into {folder}")
    for module in (KWOK, ETCD, KUBERNETES, HELM):  # kwokctl first: it knows where the others are
        if not missing(folder, list(module.programs)):
            continue
        with _scratch(folder) as scratch:
            for program in module.programs:
                url = downloads.address(program, versions, goos, goarch, folder / "bin" / "kwokctl")
                downloads.fetch(url, scratch / program, progress)
            admit(module, scratch, folder)


def _download_or_build(folder: Path, progress: Progress) -> None:
    goos, goarch = go_platform()
    kwokctl = downloads.address("kwokctl", {"kwok": KWOK.version()}, goos, goarch, folder / "bin" / "kwokctl")
    if downloads.sites_answer(kwokctl):
        try:
            _download_all(folder, progress)
        except (downloads.DownloadError, ControlPlaneError) as error:
            progress.say(f"control plane: {error}; building instead")
        else:
            return
    _build_all(folder, progress)


def ensure(source: str = "auto", progress: Progress | None = None) -> Path:
    """Return the folder with all programs, filling it first if need be.

    `source` is `cache` (only look), `build`, `download`, or `auto`: what the cache has, else a download where the
    release sites answer, else a build. Raises ControlPlaneError when a program cannot be had, saying why.
    """
    progress = progress or Progress()
    folder = cache_folder()
    if not missing(folder):
        return folder / "bin"
    if source == "cache":
        raise ControlPlaneError(
            f"{folder / 'bin'} lacks {', '.join(missing(folder))}; run `control_plane.py build` to fill it"
        )
    fill = {"build": _build_all, "download": _download_all, "auto": _download_or_build}[source]
    with locked(folder, progress):
        if missing(folder):
            try:
                fill(folder, progress)
            except downloads.DownloadError as error:
                raise ControlPlaneError(str(error)) from error
    return folder / "bin"
