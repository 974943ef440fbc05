"""B1: placement of the openb fleet, allocation against power."""
