"""How the operator finds its API server: as a pod by its service account, else by a kubeconfig."""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from modelrollout.kube.errors import KubeError
from modelrollout.kube.transport import ApiTransport

_TOKEN_AGE = 60.0


class NoCluster(KubeError):  # noqa: N818 - named for what is wrong, as all leaves
    """Neither a service account nor a usable kubeconfig was found; the message says where it was looked for."""


def in_cluster() -> bool:
    """Whether this process runs in a pod with a service account."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and not os.environ.get("KUBECONFIG")


async def connect(context: str | None = None, agent: str = "modelrollout") -> ApiTransport:
    """A transport to the cluster that the environment points to; `agent` is the user agent in its audit log.

    Tokens end: that of a service account is read again every minute, and so is a kubeconfig that carries a token or
    names a program that makes one.

    Raises:
        NoCluster: if there is nothing to connect to.
    """
    configuration = Configuration()
    # Watches hold a connection each: a limit would let them starve the writes.
    configuration.connection_pool_maxsize = 0
    try:
        if in_cluster():
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            # The variable may have been set after the library read it, and a missing file should be named.
            files = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
            await _load(files, context, configuration)
            if configuration.api_key:
                configuration.refresh_api_key_hook = _renewal(files, context)  # type: ignore[assignment]
    except (ConfigException, OSError, TypeError) as error:
        raise NoCluster(f"no cluster to connect to: {error}") from error
    return ApiTransport(ApiClient(configuration), agent)


async def _load(files: str, context: str | None, configuration: Configuration) -> None:
    await load_kube_config(  # type: ignore[no-untyped-call]
        config_file=files, context=context, client_configuration=configuration, persist_config=False
    )


def _renewal(files: str, context: str | None) -> Callable[[Configuration], Awaitable[None]]:
    read_at = time.monotonic()

    async def renew(configuration: Configuration) -> None:
        nonlocal read_at
        if time.monotonic() - read_at < _TOKEN_AGE:
            return
        read_at = time.monotonic()
        fresh = Configuration()
        await _load(files, context, fresh)
        configuration.api_key = fresh.api_key

    return renew
