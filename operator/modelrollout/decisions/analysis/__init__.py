"""The evidence of a run: samples folded in, looked at, judged."""
