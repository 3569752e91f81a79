"""Experiments: several candidates side by side, of which the best one is chosen."""
