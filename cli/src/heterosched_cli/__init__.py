"""The command line: plan, why, jobs, import."""
