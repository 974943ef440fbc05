"""Telemetry from Prometheus, collected in a child process."""
