"""The users of the demo: requests at a steady rate, answers compared with the truth, all counted for Prometheus."""
