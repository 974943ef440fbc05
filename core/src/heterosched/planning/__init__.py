"""From HeteroJobs and a cluster to a plan."""
