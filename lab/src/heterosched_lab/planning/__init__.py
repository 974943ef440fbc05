"""The product's planner and strategies as schedulers of a simulation, so that its figures speak about the product."""
