"""Speed and size of the operator process on a real API server with a real Prometheus.

`python -m benchmarks.operator` measures.
"""
