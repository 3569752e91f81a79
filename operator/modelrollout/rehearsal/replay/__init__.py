"""The decisions of a live rollout over recorded samples."""
