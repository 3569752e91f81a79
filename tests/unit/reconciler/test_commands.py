"""Commands are answered once, whatever is still lying about."""

from datetime import timedelta

from modelrollout.api import ModelRolloutStatus
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import COMMANDS, Obj
from modelrollout.reconciler.commands import Commands
from tests.unit.decisions.world import START

KEY = ("risk", "fraud")


class Box:
    """Commands in the cache and on the server, and the status of their rollout."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.cache = Cache()
        self.commands = Commands(self.cache, Client(self.server))
        self.status = ModelRolloutStatus()

    def put(self, name: str, age: float = 1.0, **spec: object) -> None:
        created = (START - timedelta(minutes=age)).isoformat()
        metadata = {"namespace": "risk", "name": name, "uid": name, "creationTimestamp": created}
        body: Obj = {"metadata": metadata, "spec": {"rollout": "fraud", "verb": "Pause", "by": "ana", **spec}}
        self.cache.apply(COMMANDS, self.server.put(COMMANDS.path("risk", name), body))

    def pending(self) -> list[str]:
        return [command.name for command in self.commands.pending(KEY, self.status)]

    def answer(self, *names: str) -> None:
        """Let status answer these."""
        at = START.isoformat()
        results = [
            {"name": one, "uid": one, "verb": "Pause", "by": "ana", "accepted": True, "at": at, "askedAt": at}
            for one in names
        ]
        self.status = ModelRolloutStatus.model_validate({"commands": results})


def test_commands_are_pending_oldest_first_until_status_answers_them() -> None:
    box = Box()
    box.put("second", age=1)
    box.put("first", age=2)
    assert box.pending() == ["first", "second"]
    box.answer("first")
    assert box.pending() == ["second"]


def test_commands_for_another_rollout_and_those_deleted_are_nobodys() -> None:
    box = Box()
    box.put("other", rollout="else")
    box.put("mine")
    box.cache.remove(COMMANDS, box.server.objects[COMMANDS.path("risk", "mine")])
    assert box.pending() == []


async def test_commands_are_removed_after_an_hour_and_one_that_is_gone_already_is_no_trouble() -> None:
    box = Box()
    box.put("old", age=61)
    box.put("gone", age=61)
    box.put("young", age=59)
    del box.server.objects[COMMANDS.path("risk", "gone")]
    await box.commands.remove_old(START)
    assert [path.rsplit("/", 1)[1] for path in box.server.objects] == ["young"]
    assert box.pending() == ["young"]


def test_a_command_of_a_newer_operator_is_passed_over() -> None:
    box = Box()
    box.put("new", verb="Levitate")
    box.put("known")
    assert box.pending() == ["known"]
