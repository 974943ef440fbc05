"""JPS: joint sizing and placement of distributed training jobs on heterogeneous workers, with a proven bound.

Liu, Wang, Huang, Pan, "Sampling-Based Multi-Job Placement for Heterogeneous Deep Learning Clusters", IEEE TPDS 35(6),
2024. Pure: no I/O, no clock; randomness comes in as a numpy Generator.
"""

from heterosched.jps.admission import Queued
from heterosched.jps.answer import Answer, Effort, Placement, Point
from heterosched.jps.batch import split_batch
from heterosched.jps.build import Speed, build_instance
from heterosched.jps.fairness import Fairness
from heterosched.jps.instance import IDLE, Instance, TrainingJob, Worker
from heterosched.jps.links import Links
from heterosched.jps.parameters import Parameters
from heterosched.jps.solver import solve

__all__ = [
    "IDLE",
    "Answer",
    "Effort",
    "Fairness",
    "Instance",
    "Links",
    "Parameters",
    "Placement",
    "Point",
    "Queued",
    "Speed",
    "TrainingJob",
    "Worker",
    "build_instance",
    "solve",
    "split_batch",
]
