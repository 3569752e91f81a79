"""What a tap adds to the latency of a model server, side by side with the server alone."""
