"""ModelRollouts as types, from the objects of the cache."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from modelrollout.api import ModelRollout, ModelRolloutSpec, ModelRolloutStatus, ObjectMeta, parse_spec
from modelrollout.errors import InvalidSpec
from modelrollout.kube.resources import Obj, uid_of

_KEPT = 512
"""Specs that are held as types; those of idle rollouts would only take memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A ModelRollout, and why its spec cannot be read (empty when it can; the rollout then has no spec)."""

    rollout: ModelRollout
    spec_error: str = ""


class Reader:
    """Reads objects; the specs of rollouts that something happens to are read once, as long as they do not change."""

    def __init__(self) -> None:
        self._specs: OrderedDict[str, tuple[int, ModelRolloutSpec | None, str]] = OrderedDict()

    def read(self, obj: Obj) -> Reading:
        """The object as a type."""
        metadata = ObjectMeta.model_validate(obj["metadata"])
        status = ModelRolloutStatus.model_validate(obj.get("status") or {})
        spec, error = self._spec(metadata, obj)
        # Built without validation: both parts are valid on their own, and the spec may be missing.
        parts: dict[str, Any] = {"metadata": metadata, "spec": spec, "status": status}
        return Reading(ModelRollout.model_construct(**parts), error)

    def forget(self, obj: Obj) -> None:
        """The rollout is gone."""
        self._specs.pop(uid_of(obj), None)

    def _spec(self, metadata: ObjectMeta, obj: Obj) -> tuple[ModelRolloutSpec | None, str]:
        known = self._specs.get(metadata.uid)
        if known is None or known[0] != metadata.generation:
            try:
                known = metadata.generation, parse_spec(obj.get("spec") or {}), ""
            except InvalidSpec as error:
                known = metadata.generation, None, str(error)
            self._specs[metadata.uid] = known
            if len(self._specs) > _KEPT:
                self._specs.popitem(last=False)
        else:
            self._specs.move_to_end(metadata.uid)
        return known[1], known[2]
