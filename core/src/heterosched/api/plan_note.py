"""The plan that travels with a pod, as an annotation: what the extender needs to agree with the planner.

It is written by the operator and read by the extender, perhaps of another version: `v` grows when a reader of the old
form would misread the new one; unknown fields are ignored, absent ones have a neutral meaning.
"""

from __future__ import annotations

import msgspec

from heterosched.constants import ANNOTATION_PLAN

NOTE_VERSION = 1


class PlanNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`nodes[i]` is the planned node of the worker with completion index i; `seconds`, `watts`: by device type.

    `scaled`: device types whose seconds were concluded, each with the one from which they were; low confidence.
    `because`: the planner's reason, for people.
    """

    v: int = NOTE_VERSION
    job: str = ""
    task: str = ""
    policy: str = "Balanced"
    device: str = ""
    nodes: tuple[str, ...] = ()
    seconds: dict[str, float] = {}
    watts: dict[str, float] = {}
    scaled: dict[str, str] = {}
    input_nodes: tuple[str, ...] = ()
    because: str = ""


def encode_note(note: PlanNote) -> str:
    """The annotation's value."""
    return msgspec.json.encode(note).decode()


def decode_note(annotations: dict[str, str]) -> PlanNote | None:
    """The note of a pod; None where there is none that this version can read (the pod then counts as foreign)."""
    text = annotations.get(ANNOTATION_PLAN)
    if text is None:
        return None
    try:
        note = msgspec.json.decode(text, type=PlanNote)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return note if note.v == NOTE_VERSION else None
