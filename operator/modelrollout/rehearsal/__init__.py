"""Decisions rehearsed without a cluster: over recorded samples (`replay`) and over simulated ones (`simulation`)."""
