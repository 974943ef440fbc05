"""Workflows and jobs of others as HeteroJobs: what has a counterpart is taken over, what has none is named."""
