"""Runs the checks and prints what they found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace

import msgspec

from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched_cli.doctor import extender, features, programs, rights, server, work
from heterosched_cli.doctor.cluster import Cluster
from heterosched_cli.doctor.registry import CHECKS, Check, Finding, Findings, Level, fail, skip, warn
from heterosched_cli.extender_pods import NoExtender
from heterosched_cli.extenders import is_namespace
from heterosched_cli.live import ask
from heterosched_cli.output import Format, note, write_data, write_table
from heterosched_cli.places import Extenders

MODULES = (server, programs, extender, rights, features, work)
"""Whose checks are run, in this order; the API server's own come first."""
UNKNOWN = "the API server does not accept your credentials"
WIDE_COLUMNS = ("LEVEL", "CHECK", "WHAT", "WHY", "REMEDY")


def examine(namespace: str, extenders: Extenders, format: Format) -> int:
    """Print all findings; 1 where one of them is a FAIL, else 0. Raises InvalidInput (credentials)."""
    addresses = [own for own in extenders.given if not is_namespace(own)]
    place = namespace or next(filter(is_namespace, extenders.given), "")

    async def question(kube: Kube) -> Findings:
        return await findings_of(Cluster(kube, place, addresses=addresses), checks())

    found = ask(question, extenders.kubeconfig, extenders.context)
    _print(found, format)
    return int(any(own.level is Level.FAIL for own in found))


def checks() -> Sequence[Check]:
    """All of them, in the order in which they are told."""
    return [own for module in MODULES for own in CHECKS if own.ask.__module__ == module.__name__]


async def findings_of(cluster: Cluster, asked: Sequence[Check]) -> Findings:
    """What these checks find, in their order; where the API server is silent, or knows nobody like us, the first one's
    word alone.
    """
    first, *others = asked
    found = await _run(first, cluster)
    if any(own.level is Level.FAIL and (own.what == UNKNOWN or "does not answer" in own.what) for own in found):
        return found
    for later in await asyncio.gather(*(_run(own, cluster) for own in others)):
        found += later
    return found


async def _run(check: Check, cluster: Cluster) -> Findings:
    try:
        found = await check.ask(cluster)
    except ApiUnavailable as error:
        found = [
            fail("the API server did not answer in time", str(error), "try again; see the cluster's control plane")
        ]
    except ApiError as error:
        if error.status == 401:
            found = [fail(UNKNOWN, error.message, "log in again, or use another --context")]
        elif error.status == 403:
            found = [skip("you may not look", error.message, f"it takes the right to {check.needs}")]
        else:
            found = [warn("it could not be looked at", str(error), "see whether the cluster serves it")]
    except NoExtender as error:
        found = [skip("you may not ask", str(error))]
    except HeteroSchedError as error:
        found = [fail("it cannot be told", str(error), "see the sentence before")]
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        why = f"an answer is not of the form that is known: {error}"
        found = [skip("it could not be understood", why, "use equal releases, and see what answers there")]
    return [replace(own, check=check.name) for own in found]


def _print(found: Sequence[Finding], format: Format) -> None:
    if format in (Format.JSON, Format.YAML):
        write_data([{**asdict(own), "level": own.level.value} for own in found], format)
    elif format is Format.NAME:
        print("\n".join(f"{own.level.lower()}/{own.check}" for own in found))
    elif format is Format.WIDE:
        write_table(WIDE_COLUMNS, [(own.level, own.check, own.what, own.why, own.remedy) for own in found])
    else:
        _write(found)
    counts = {level: sum(own.level is level for own in found) for level in Level}
    note(", ".join(f"{count} {level}" for level, count in counts.items() if count))


def _write(found: Sequence[Finding]) -> None:
    """A line for each, and below it why and what to do, where there is something to do."""
    width = max(len(own.check) for own in found)
    for own in found:
        print(f"{own.level:<4}  {own.check:<{width}}  {own.what}")
        for name, text in (("why", " ".join(own.why.split())), ("do", own.remedy)):
            if text and own.level is not Level.OK:
                print(f"{'':<4}  {'':<{width}}    {name}: {text}")
            elif text:
                print(f"{'':<4}  {'':<{width}}    ({text})")
