"""An API server of its own is enough here: no cluster is started for these tests."""

from tests.cluster.conftest import api_client, kubeconfig, kubectl, namespace

__all__ = ["api_client", "kubeconfig", "kubectl", "namespace"]
