"""Brings a real control plane up and down: etcd, API server, controllers, scheduler and kwok's fake nodes as processes.

    with ControlPlane("demo", Path("build/demo")) as plane:
        plane.kubectl("get", "nodes")
        prometheus = plane.prometheus()

Whatever happens to the calling process, its guardian ends everything and deletes the folder (see guardian.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import prometheus
from binaries import ControlPlaneError, ensure
from components import Component, ended_components
from guardian import Guardian, marked_environment, marked_processes, remove_tree, stop_marked
from inventory import forget_context, forget_environment, read_state, write_state
from kwokctl import create_command
from processes import Process, free_port, wait_until
from progress import Progress, duration

HERE = Path(__file__).resolve().parent
MANIFESTS = (HERE / "stages", HERE / "metrics")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_ATTEMPTS = 3


class ControlPlane:
    """A cluster named `name` that lives in `workdir`/`name` and is found again by the mark of its processes.

    `keep_logs` leaves `logs/` folders behind, for the artefacts of a failed test run; `apiserver`: further flags of
    kube-apiserver, `flag=value`. Raises ValueError for a name that is no DNS label of at most 40 characters.
    """

    def __init__(
        self,
        name: str,
        workdir: Path,
        kubeconfig: Path | None = None,
        source: str = "auto",
        keep_logs: bool = False,
        progress: Progress | None = None,
        apiserver: Sequence[str] = (),
    ) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"cluster name {name!r}: use at most 40 lower-case letters, digits and inner dashes")
        self.name = name
        self.folder = workdir.resolve() / name
        self.kubeconfig = (kubeconfig or self.folder / "kubeconfig").resolve()
        self.mark = f"{name}-{uuid.uuid4().hex}"
        self.kwok_port = 0
        self.processes: dict[str, Process] = {}
        self._components: dict[str, Component] = {}
        self._source = source
        self._keep_logs = keep_logs
        self._apiserver = tuple(apiserver)
        self._progress = progress or Progress()
        self._binaries: Path | None = None
        self._guardian: Guardian | None = None

    # -- life

    def up(self) -> ControlPlane:
        """Start the cluster and return when it can take pods; ControlPlaneError says what failed."""
        self._binaries = ensure(self._source, self._progress)
        with _one_at_a_time():
            self._claim_folder()
        self._guardian = Guardian(self.mark, self.folder, self._keep_logs)
        try:
            self._create()
            self.apply(*MANIFESTS)
            self._wait_for_service_account()
        except BaseException:
            self.down()
            raise
        return self

    def down(self) -> None:
        """Stop everything and delete the folder; does nothing to a cluster that is down."""
        for process in reversed(self.processes.values()):
            process.stop()
        self.processes.clear()
        if self._guardian is not None:
            forget_context(self.kubeconfig, self.name, self.folder)
            forget_environment(self.kubeconfig, self.folder.parent)
            self._guardian.clean_up()
            self._guardian = None
        for component in self._components.values():
            component.reap(10.0)
        self._components.clear()

    def release(self) -> None:
        """Leave the cluster running when this process ends; `control_plane.py down` ends it."""
        if self._guardian is not None:
            self._guardian.release()
            self._guardian = None
        self.processes.clear()

    def __enter__(self) -> ControlPlane:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # -- use

    def bin(self, name: str) -> Path:
        """Return the path of a program of the control plane, such as `kube-scheduler`."""
        if self._binaries is None:
            raise ControlPlaneError(f"cluster {self.name} is not up; call up() first")
        return self._binaries / name

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60.0) -> str:
        """Run kubectl against this cluster and return its output; ControlPlaneError with its words if it fails."""
        command = [str(self.bin("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode != 0:
            raise ControlPlaneError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *paths: Path) -> None:
        """Apply manifests (files or folders) on the server's side."""
        self.kubectl("apply", "--server-side", *(f"--filename={path}" for path in paths))

    def start_process(
        self,
        name: str,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start a process that ends with the cluster; its output goes to `logs/NAME.log`.

        It sees the caller's environment, `KUBECONFIG` for this cluster, and `environment` on top. A name can be used
        again once its process has ended; ControlPlaneError while it runs.
        """
        if name in self.processes and self.processes[name].alive():
            raise ControlPlaneError(
                f"cluster {self.name}: a process {name} runs already; stop it or choose another name"
            )
        settings = {**os.environ, "KUBECONFIG": str(self.kubeconfig), **(environment or {})}
        log = self.folder / "logs" / f"{name}.log"
        process = Process(name, argv, marked_environment(self.mark, settings), log, cwd or Path.cwd())
        self.processes[name] = process
        return process.start()

    def prometheus(
        self,
        targets: Mapping[str, Sequence[str]] | None = None,
        interval_s: float = 1.0,
        port: int | None = None,
        name: str = "prometheus",
    ) -> prometheus.Server:
        """Start a real Prometheus that scrapes the fake nodes and `targets` (job -> `host:port`s) every `interval_s`.

        Returns when it answers. Raises ControlPlaneError if the program is missing or does not come up.
        """
        program = shutil.which("prometheus")
        if program is None:
            raise ControlPlaneError("prometheus is not installed; `control_plane.py doctor` says how to get it")
        port = port or free_port()
        home = self.folder / name
        home.mkdir(exist_ok=True)
        config = home / "prometheus.yml"
        config.write_text(prometheus.configuration(self.kwok_port, interval_s, targets or {}))
        process = self.start_process(name, prometheus.command(program, config, home / "data", port))
        server = prometheus.Server(process, f"http://127.0.0.1:{port}")
        server.wait_ready()
        return server

    def component(self, name: str) -> Component:
        """Return the handle of a part of the control plane: `etcd`, `kube-apiserver`, `kube-controller-manager`,
        `kube-scheduler` or `kwok-controller`."""
        if name not in self._components:
            self._components[name] = Component(name, self._kwok_folder)
        return self._components[name]

    def restart_apiserver(self, downtime_s: float = 0.0) -> None:
        """SIGKILL the API server, leave it dead for `downtime_s` seconds, start it again, wait until it is ready.

        Every watch is cut; the data, in etcd, stays.
        """
        self.component("kube-apiserver").restart(downtime_s)
        self.wait_ready()

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the API server says that it is ready; ControlPlaneError after `timeout_s` seconds."""
        if not wait_until(self._is_ready, timeout_s, 0.2):
            raise ControlPlaneError(
                f"cluster {self.name}: API server not ready after {duration(timeout_s)}, see {self._kwok_logs}"
            )

    # -- parts of up()

    @property
    def _kwok_folder(self) -> Path:
        return self.folder / "kwok" / "clusters" / self.name

    @property
    def _kwok_logs(self) -> Path:
        return self._kwok_folder / "logs"

    def _is_ready(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz", timeout_s=10.0) == "ok"
        except (ControlPlaneError, subprocess.TimeoutExpired):
            return False

    def _claim_folder(self) -> None:
        old = read_state(self.folder)
        if old is not None and marked_processes(old["mark"]):
            raise ControlPlaneError(
                f"cluster {self.name} is up already; `control_plane.py down --name {self.name} --workdir"
                f" {self.folder.parent}` ends it"
            )
        remove_tree(self.folder)
        (self.folder / "logs").mkdir(parents=True)
        self._write_state()

    def _write_state(self) -> None:
        state = {"name": self.name, "mark": self.mark, "kubeconfig": str(self.kubeconfig), "kwokPort": self.kwok_port}
        write_state(self.folder, state)

    def _create(self) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._create_once()
            except ControlPlaneError as error:
                stop_marked(self.mark)
                remove_tree(self.folder / "kwok")
                if attempt == _ATTEMPTS:
                    raise
                self._progress.say(f"control plane: {error}; trying again with other ports")
            else:
                return

    def _create_once(self) -> None:
        with _one_at_a_time():
            ports = {name: free_port() for name in ("kwok", "etcd", "apiserver")}
            self.kwok_port = ports["kwok"]
            self._write_state()
            command = create_command(self.name, self.bin(""), self.kubeconfig, ports, self._apiserver)
            self._progress.say(f"control plane: starting cluster {self.name}, about 5 s")
            creation = self.start_process("kwokctl", command, self._kwok_environment())
            # kwokctl would wait for minutes for a part that has already failed.
            wait_until(lambda: not creation.alive() or bool(ended_components(self._kwok_folder)), 120.0)
        if creation.returncode != 0 or not self._is_ready():
            raise ControlPlaneError(
                f"cluster {self.name} did not start (kwokctl: {creation.returncode}; ended:"
                f" {', '.join(ended_components(self._kwok_folder)) or 'none'}):"
                f"{_last_words([creation.log, *sorted(self._kwok_logs.glob('*.log'))])}"
            )

    def _kwok_environment(self) -> dict[str, str]:
        return {"KWOK_WORKDIR": str(self.folder / "kwok"), "KWOK_KUBECTL_BINARY": str(self.bin("kubectl"))}

    def _wait_for_service_account(self) -> None:
        """Wait for the account without which a pod is refused; its controller makes it shortly after the start."""
        wanted = ("get", "serviceaccount", "default", "--namespace=default", "--ignore-not-found", "--output=name")
        if not wait_until(lambda: bool(self.kubectl(*wanted)), 60.0, 0.1):
            raise ControlPlaneError(f"cluster {self.name}: no default service account, see {self._kwok_logs}")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one cluster of this user start at a time: a free port is only taken once a program listens on it."""
    with (Path(tempfile.gettempdir()) / f"heterosched-control-plane-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _last_words(logs: Iterable[Path]) -> str:
    """Return the last line of each log that has one: where a failed start explains itself."""
    lines = [(log.name, log.read_text(errors="replace").strip().splitlines()) for log in logs if log.exists()]
    return "".join(f"\n  {name}: {text[-1][:300]}" for name, text in lines if text)
