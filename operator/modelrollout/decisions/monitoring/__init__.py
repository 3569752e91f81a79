"""What goes on after the watch: drift, slow degradation, and a model's age."""
