"""The command line, and the settings that it leads to, read by a process of their own that then ends.

What reads settings and kubeconfigs (pydantic, YAML) takes a tenth of the memory that serving five thousand nodes may
take, and is needed once. So `resolve` starts this module as a child and gets plain values back; meanwhile the serving
process loads what it needs itself.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from heterosched import __version__
from heterosched.errors import HeteroSchedError

if TYPE_CHECKING:
    from heterosched.kube.access import Access
    from heterosched_extender.settings import Settings


class Refused(HeteroSchedError):
    """The settings cannot be used; the message names what is wrong, where it stands and what is known."""


@dataclass(frozen=True)
class Found:
    """The settings' values by name; `access` where the API server can be reached by plain means. `shown`: all as YAML,
    where that was asked for.
    """

    values: dict[str, Any]
    access: Access | None
    shown: str = ""
    refused: str = ""

    @property
    def settings(self) -> Settings:
        """The values under the names and types of `Settings`, which is not loaded for it."""
        return cast("Settings", SimpleNamespace(**self.values))


def parser() -> argparse.ArgumentParser:
    """All options."""
    found = argparse.ArgumentParser(
        prog="heterosched-extender",
        description="Scheduler extender of HeteroSched: /filter and /prioritize for a kube-scheduler on the same host.",
        epilog="Every setting can also come from the environment (HETEROSCHED_EXTENDER_...) or from --config.",
    )
    found.add_argument("--config", type=Path, help="settings file, YAML or TOML")
    found.add_argument("--show-config", action="store_true", help="print the effective settings and end")
    found.add_argument("--kubeconfig", type=Path, help="credentials; else $KUBECONFIG, ~/.kube/config, service account")
    found.add_argument("--context", help="context of the kubeconfig")
    found.add_argument(
        "--snapshot", type=Path, help="serve the nodes of this List (kubectl get nodes -o json), no cluster"
    )
    found.add_argument("--port", type=int, help="port of the verbs (with --snapshot: of everything)")
    found.add_argument("--ops-port", type=int, help="port of probes, metrics and decisions")
    found.add_argument("--prometheus-url", help="where telemetry is read")
    found.add_argument("--version", action="version", version=__version__)
    return found


def resolve(arguments: Sequence[str] | None, meanwhile: Callable[[], object]) -> Found:
    """What the command line, the environment and the files come to. Raises Refused; ends the program for `--help`,
    `--version` and options that are none.

    `meanwhile` is called while the child reads.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser().parse_args(given)
    command = [sys.executable, "-m", __name__, *given]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        try:
            meanwhile()
            answer, _ = child.communicate()
        except BaseException:  # told to stop: nobody reads the answer any more
            child.kill()
            raise
    if child.returncode:
        raise Refused(f"reading the settings failed (exit code {child.returncode}); see what it wrote before")
    found: Found = pickle.loads(answer)
    if found.refused:
        raise Refused(found.refused)
    return found


def _read(arguments: Sequence[str]) -> Found:
    from heterosched.kube.access import plain_access
    from heterosched.settings import load, show
    from heterosched_extender.settings import Settings

    given = vars(parser().parse_args(arguments))
    config, show_config, port = given.pop("config"), given.pop("show_config"), given.pop("port")
    if port is not None:
        given["verbs_port"] = port
    try:
        settings = load(Settings, os.environ, config, {key: value for key, value in given.items() if value is not None})
    except HeteroSchedError as error:
        return Found({}, None, refused=str(error))
    access = None if settings.snapshot else plain_access(settings.kubeconfig, settings.context)
    return Found(dict(settings), access, show(settings) if show_config else "")


def main() -> None:
    """The child: its standard output takes the answer and nothing else."""
    # As the module `heterosched_extender.start`, not `__main__`: that is where the parent looks for the class.
    from heterosched_extender import start

    sys.stdout.buffer.write(pickle.dumps(start._read(sys.argv[1:])))


if __name__ == "__main__":
    main()
