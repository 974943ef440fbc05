"""The tuner: parameters of a SchedulingPolicy by search in the lab, written down only where the gain is one."""
