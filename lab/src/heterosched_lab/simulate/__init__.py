"""Discrete-event simulation of a cluster: what runs where and when, and the joules it takes."""
