"""Why a rollout stands where it stands: the last decision, the evidence, and what is still missing."""
