"""What versions truly are, and the samples that such versions give."""
