"""`heterosched-operator`: read the settings, then reconcile HeteroJobs until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heterosched import __version__
from heterosched.errors import HeteroSchedError
from heterosched.proxies import spare_loopback
from heterosched.signals import CUT_OFF, heed_sigterm

if TYPE_CHECKING:
    from heterosched.model import DeviceTable
    from heterosched_operator.settings import Settings

FAILURE, USAGE_ERROR = 1, 2

MODES = ("run", "suspend-all", "resume-all")


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    given = vars(_parser().parse_args(arguments))
    heed_sigterm(0 if given["mode"] == "run" else CUT_OFF)
    spare_loopback(os.environ)
    from heterosched.device_file import read_device_file
    from heterosched.settings import load, show
    from heterosched_operator.settings import Settings

    config, show_config = given.pop("config"), given.pop("show_config")
    mode, dry, by = given.pop("mode"), given.pop("dry_run"), given.pop("by")
    try:
        settings = load(Settings, os.environ, config, {key: value for key, value in given.items() if value is not None})
        devices = read_device_file(settings.devices_file)
    except HeteroSchedError as error:
        print(f"heterosched-operator: {error}", file=sys.stderr)
        return USAGE_ERROR
    if show_config:
        print(show(settings), end="")
        return 0
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    if mode == "run":
        return _run(settings, devices)
    return asyncio.run(_once(mode, settings, by, dry))


def _run(settings: Settings, devices: DeviceTable) -> int:
    # kopf and the client take a second to import: --help and --show-config do without.
    import kopf

    from heterosched_operator.handlers import registry_of
    from heterosched_operator.service import Service

    for chatty in ("kopf", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    # kopf asks who runs it, and a container's user need not have a name.
    os.environ.setdefault("LOGNAME", "heterosched-operator")
    service = Service(settings, devices)
    try:
        asyncio.run(_credentials(settings))
    except HeteroSchedError as error:  # kopf would try again for ever: a file does not appear by waiting
        print(f"heterosched-operator: {error}", file=sys.stderr)
        return USAGE_ERROR
    try:
        asyncio.run(
            kopf.operator(
                registry=registry_of(service),
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
                standalone=True,
                liveness_endpoint=f"http://{settings.host}:{settings.health_port}/healthz",
            )
        )
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    return 0


async def _once(mode: str, settings: Settings, by: str, dry: bool) -> int:
    """Suspend or resume all HeteroJobs and end; the exit status."""
    from heterosched.kube.client import Kube
    from heterosched.kube.scope import Scope
    from heterosched_operator.uninstalling import Uninstaller

    logger = logging.getLogger("heterosched_operator")
    try:
        async with await Kube.connect(settings.kubeconfig) as kube:
            work = Uninstaller(kube, Scope(settings.namespaces), by, dry)
            tally = await (work.suspend() if mode == "suspend-all" else work.resume())
    except HeteroSchedError as error:
        logger.error("%s: %s", mode, error)
        return FAILURE
    logger.info("%s%s: %s", mode, " (dry run)" if dry else "", tally)
    return FAILURE if tally.problems else 0


async def _credentials(settings: Settings) -> None:
    """Raises InvalidInput where there are no usable credentials; nothing is sent."""
    from heterosched.kube.client import Kube

    async with await Kube.connect(settings.kubeconfig):
        pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heterosched-operator",
        description="Operator of HeteroSched: validates HeteroJobs, plans them and creates their Jobs in time.",
        epilog="Every setting can also come from the environment (HETEROSCHED_OPERATOR_...) or from --config.",
    )
    parser.add_argument(
        "mode",
        nargs="?",
        choices=MODES,
        default="run",
        help="run (the default) until told to stop; suspend-all: suspend every HeteroJob and take back what has not "
        "begun, as an uninstallation does; resume-all: resume what an uninstallation has suspended",
    )
    parser.add_argument("--dry-run", action="store_true", help="suspend-all, resume-all: only say what would be done")
    parser.add_argument(
        "--by", default="heterosched-operator", help="suspend-all, resume-all: who is named as the doer"
    )
    parser.add_argument("--namespaces", help="namespaces whose HeteroJobs are managed, commas between; default all")
    parser.add_argument("--config", type=Path, help="settings file, YAML or TOML")
    parser.add_argument("--show-config", action="store_true", help="print the effective settings and end")
    parser.add_argument(
        "--kubeconfig", type=Path, help="credentials; else $KUBECONFIG, ~/.kube/config, service account"
    )
    parser.add_argument("--host", help="address of probes and metrics")
    parser.add_argument("--health-port", type=int, help="port of the liveness probe")
    parser.add_argument("--metrics-port", type=int, help="port of the metrics")
    parser.add_argument("--prometheus-url", help="where energy is measured")
    parser.add_argument("--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="least severe message shown")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


if __name__ == "__main__":
    sys.exit(main())
