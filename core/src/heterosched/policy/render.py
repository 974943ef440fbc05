"""A decision as text for people, wide enough for a terminal of 110 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

from heterosched.policy.decision import Decision, NodeScore, TermShare
from heterosched.policy.staleness import ages_in_words

WIDTH: Final = 118


def render(decision: Decision) -> str:
    """The whole decision: the advice and its sum, who lost and by how much, who was turned down, what else to know."""
    pod, count = f"{decision.namespace}/{decision.pod}", decision.candidates
    lines = [f"pod {pod}, policy {decision.policy}, {count} candidates, {decision.at}"]
    if decision.planned:
        lines.extend(textwrap.wrap(decision.planned, WIDTH, subsequent_indent="  "))
    if decision.hook is not None and decision.hook.before != decision.hook.after:
        lines.append(f"hook {decision.hook.hook} changed the weights: {_changes(decision)}")
    if decision.best is None:
        lines.append(f"no node was advised{_why_none(decision)}")
    else:
        tied = f", tied with {decision.tied - 1} more" if decision.tied > 1 else ""
        lines.append(f"advised {_title(decision.best)}{tied}")
        lines.extend(_table(decision.best))
    if decision.runner_up is not None and decision.difference is not None:
        lines.append(f"runner-up {_title(decision.runner_up)}: {decision.difference:.4f} behind")
        lines.append(f"  by term: {_by_term(decision.decisive)}")
    for other in decision.alternatives[1:]:
        behind = f"{other.difference:.4f} behind ({_by_term(other.decisive, 3)})"
        lines.append(f"also {other.node} ({other.device}): score {other.score}, mean {other.mean:.4f}, {behind}")
    if decision.asked is not None:
        lines.append(f"asked about {_title(decision.asked)}")
        lines.extend(_table(decision.asked))
    if decision.asked_answer:
        lines.append(decision.asked_answer)
    for rejection in decision.rejected:
        more = ", ..." if rejection.count > len(rejection.examples) else ""
        lines.append(f"filtered {rejection.count}: {rejection.reason} ({', '.join(rejection.examples)}{more})")
    if decision.bound:
        lines.append(f"bound to {decision.bound}")
    lines.extend(decision.remarks)
    return "\n".join(lines)


def _why_none(decision: Decision) -> str:
    """Silence is an answer too: the scheduler's own rules stand alone, or no node was left."""
    turned_down = sum(rejection.count for rejection in decision.rejected)
    if decision.candidates > turned_down:
        return (
            ": no score term has data about any candidate, so kube-scheduler's own scores decide\n"
            "  (ask about one with --node: it says why each term is absent)"
        )
    return ": every candidate was turned down" if turned_down else ""


def _changes(decision: Decision) -> str:
    assert decision.hook is not None
    before, after = decision.hook.before, decision.hook.after
    pairs = [(term, before.get(term, 0), after.get(term, 0)) for term in {**before, **after}]
    return ", ".join(f"{term} {old} -> {new}" for term, old, new in pairs if old != new)


def _by_term(parts: Mapping[str, float], most: int = 8) -> str:
    return ", ".join(f"{term} {part:+.4f}" for term, part in list(parts.items())[:most]) or "no term differs"


def _title(node: NodeScore) -> str:
    mean = "no term has data" if node.mean is None else f"mean {node.mean:.4f}"
    return f"{node.node} ({node.device}): score {node.score}, {mean}"


def _table(node: NodeScore) -> list[str]:
    lines = []
    for share in node.terms:
        if share.value is None:
            lines.extend(textwrap.wrap(f"  {share.term:<8} absent: {share.absent}", WIDTH, subsequent_indent=" " * 11))
            continue
        figures = f"{share.value:6.4f} x {share.weight:6.4f} = {share.part:6.4f}"
        lines.extend(_wrapped(f"  {share.term:<8} {figures}", _grounds(share)))
    return lines


def _grounds(share: TermShare) -> list[str]:
    age = "" if share.age_seconds is None else f", {share.age_seconds:.0f} s old"
    figures = {**share.inputs, **share.constants}
    old = f"stale, not counted: {ages_in_words(share.stale)}" if share.stale else ""
    origin = f"{share.origin}{age}" if share.origin else ""
    return [origin, old, *[f"{name} {value:g}" for name, value in figures.items()]]


def _wrapped(head: str, pieces: list[str]) -> list[str]:
    """The pieces behind the head, on as many lines as they take."""
    lines, indent = [head + " "], " " * len(head)
    for piece in filter(None, pieces):
        if len(lines[-1]) + len(piece) + 2 > WIDTH:
            lines.append(indent + " ")
        lines[-1] += f" {piece};"
    return [line.rstrip(" ;") for line in lines]
