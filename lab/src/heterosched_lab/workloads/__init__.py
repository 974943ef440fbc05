"""The seed workloads as real programs, and what a distribution of their work gains."""
