"""From a record to its explanation: the call is decided again on the snapshot it saw, with every term shown."""

from __future__ import annotations

import numpy as np

from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_THROTTLING, HOST_CPU, HOST_LOAD
from heterosched.policy.explain import Decision, NodeScore, Provenance, difference_by_term, group_rejections, node_score
from heterosched.policy.terms import Floats, Ints
from heterosched.units import format_time
from heterosched_extender.decisions import Record
from heterosched_extender.snapshot import Snapshot, rows_of
from heterosched_extender.verbs import Scores, prioritize


def explain(record: Record, node: str = "") -> Decision:
    """The decision for a pod; with `node` also why it was, or was not, that one."""
    snapshot, asked = record.snapshot, record.asked
    rows = rows_of(record.mask, len(snapshot.nodes))
    rows = (
        rows[[snapshot.roster.names[row] not in record.rejected for row in rows.tolist()]] if record.rejected else rows
    )
    hinted = record.hinted()
    scores = prioritize(snapshot, asked, rows, hinted, record.at, every=True)
    told = _Teller(record, rows, scores, provenance(record, rows, hinted))
    best, runner_up = _first_two(scores)
    first = told.at(best) if best is not None else None
    second = told.at(runner_up) if runner_up is not None else None
    asked_score, answer = _about(node, told, rows) if node else (None, "")
    return Decision(
        namespace=asked.namespace,
        pod=asked.name,
        uid=asked.uid,
        at=format_time(record.at),
        policy=asked.ask.row.name,
        candidates=len(rows) + len(record.rejected) + len(record.unknown),
        best=first,
        tied=int((scores.integers == scores.integers[best]).sum()) if best is not None else 0,
        runner_up=second,
        difference=None if first is None or second is None else (first.mean or 0.0) - (second.mean or 0.0),
        decisive={} if first is None or second is None else difference_by_term(first, second),
        rejected=group_rejections(record.rejected.items()),
        bound=record.bound,
        asked=asked_score,
        asked_answer=answer,
        remarks=_remarks(record, rows),
    )


def provenance(record: Record, rows: Ints, hinted: Floats | None) -> dict[str, Provenance]:
    """Where the data of each term came from, and why it may be absent."""
    snapshot, asked = record.snapshot, record.asked
    now, limit = record.at, asked.ask.row.max_age_seconds
    trouble = f" ({snapshot.telemetry_error})" if snapshot.telemetry_error else ""
    old = f"no sample younger than {limit:.0f} s{trouble}"
    hints = "" if hinted is None else ", with cores of pods just advised"
    figures = f"{asked.origin} figures"
    return {
        "speed": Provenance(figures, absent="no run time for this device type"),
        "energy": Provenance(
            f"{figures}, idle watts of the model where the node sleeps",
            absent="no run time or power for this device type",
        ),
        "plan": Provenance(
            "plan; its lead shrinks where thermal or CPU headroom is short",
            absent="the pod carries no planned node",
        ),
        "numa": Provenance(absent="the topology of nodes is not known"),
        "load": Provenance(f"telemetry{hints}", _ages(snapshot, rows, now, HOST_CPU, HOST_LOAD), old),
        "fit": Provenance("pods seen by watch"),
        "data": Provenance("plan", absent="the plan names no input data"),
        "thermal": Provenance(
            "telemetry",
            _ages(snapshot, rows, now, GPU_TEMPERATURE, GPU_THROTTLING),
            old if asked.ask.gpus > 0 else "the pod uses no GPU",
        ),
    }


def _ages(snapshot: Snapshot, rows: Ints, now: float, *metrics: str) -> Floats | None:
    found = [sensor.ages(now)[rows] for metric in metrics if (sensor := snapshot.sensors.get(metric)) is not None]
    return np.fmin.reduce(found) if found else None


class _Teller:
    """Explains single candidates of one record."""

    def __init__(self, record: Record, rows: Ints, scores: Scores, sources: dict[str, Provenance]) -> None:
        self.record, self._rows, self._scores, self._sources = record, rows, scores, sources

    def at(self, position: int) -> NodeScore:
        """The candidate at this position of the rows."""
        snapshot, row = self.record.snapshot, int(self._rows[position])
        return node_score(
            node=snapshot.roster.names[row],
            device=snapshot.nodes.devices[snapshot.nodes.device[row]],
            score=int(self._scores.integers[position]),
            position=position,
            values=self._scores.values,
            row=self.record.asked.ask.row,
            provenance=self._sources,
        )


def _first_two(scores: Scores) -> tuple[int | None, int | None]:
    """Positions of the best and the second-best candidate by their means; None where there is none."""
    if scores.best < 0:
        return None, None
    rest = scores.raw.copy()
    rest[scores.best] = np.nan
    return scores.best, None if np.isnan(rest).all() else int(np.nanargmax(rest))


def _about(node: str, told: _Teller, rows: Ints) -> tuple[NodeScore | None, str]:
    record = told.record
    if node in record.rejected:
        return None, f"{node} was turned down: {record.rejected[node]}"
    row = record.snapshot.roster.index.get(node)
    if row is None:
        return None, f"{node} was not known when the pod was scheduled: check the name"
    found = np.flatnonzero(rows == row)
    if not len(found):
        return None, f"{node} was no candidate: kube-scheduler's own filters had ruled it out (see the pod's Events)"
    return told.at(int(found[0])), ""


def _remarks(record: Record, rows: Ints) -> tuple[str, ...]:
    remarks = list(record.asked.remarks)
    if record.asked.numa_required:
        remarks.append(
            "NUMA alignment is required, and no node's topology is known: only the strict entry can hold to it"
        )
    if not record.scored_at:
        remarks.append(
            f"{len(rows)} node(s) passed the filter; the scheduler asked for no scores, as it does for a single one"
        )
    if record.unknown:
        remarks.append(
            f"{len(record.unknown)} candidate(s) were not known and scored 0: {', '.join(record.unknown[:3])}"
        )
    if record.snapshot.telemetry_error:
        remarks.append(f"telemetry: {record.snapshot.telemetry_error}")
    return tuple(remarks)
