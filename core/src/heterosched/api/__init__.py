"""The API `heterosched.io/v1alpha1` as typed structs, and the plan note that pods carry."""

from heterosched.api.heterojob import HeteroJob, HeteroJobSpec, Metadata, TaskSpec
from heterosched.api.plan_note import PlanNote, decode_note, encode_note
from heterosched.api.policy import SchedulingPolicy, ThroughputProfile

__all__ = [
    "HeteroJob",
    "HeteroJobSpec",
    "Metadata",
    "PlanNote",
    "SchedulingPolicy",
    "TaskSpec",
    "ThroughputProfile",
    "decode_note",
    "encode_note",
]
