"""The scheduler extender: filters and scores nodes by device, topology, load and energy."""
