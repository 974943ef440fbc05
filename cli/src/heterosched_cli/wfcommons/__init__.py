"""From a WfCommons instance (WfFormat 1.5: a recorded run of a real scientific workflow) to a HeteroJob manifest."""
