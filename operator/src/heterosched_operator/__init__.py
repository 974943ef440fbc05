"""Reconciles HeteroJobs: validates, plans, and creates their work when its time has come."""
