"""The strategies' contest: the same divisible tasks through every strategy; time, energy and cost side by side."""
