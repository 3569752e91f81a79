"""Many runs of one plan at once, over traffic that is drawn."""
