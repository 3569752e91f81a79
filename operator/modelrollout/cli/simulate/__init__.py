"""Rehearses a policy on simulated traffic, for people and programs."""
