"""Live values of a rollout, fresher than its status: /v1/rollouts/<namespace>/<name>."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

Live = Callable[[tuple[str, str]], Mapping[str, Any] | None]


def live_values(live: Live) -> web.RouteDef:
    """What answers with what is known of the rollout that is asked for, 404 where none is being examined here."""

    async def answer(request: web.Request) -> web.Response:
        found = live((request.match_info["namespace"], request.match_info["name"]))
        if found is None:
            return web.json_response({"message": "no run of this rollout is being examined here"}, status=404)
        return web.json_response(found)

    return web.get("/v1/rollouts/{namespace}/{name}", answer)
