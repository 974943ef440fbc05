"""The search for parameters (Optuna, seeded): what a benchmark and the tuner share."""
