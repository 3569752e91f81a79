"""The local cluster: real Kubernetes, gateway and Prometheus on one Linux machine, without Docker or a registry."""
