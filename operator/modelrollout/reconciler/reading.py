"""ModelRollouts as types, from the objects of the cache."""

from dataclasses import dataclass
from typing import Any

from modelrollout.api import ModelRollout, ModelRolloutSpec, ModelRolloutStatus, ObjectMeta, parse_spec
from modelrollout.errors import InvalidSpec
from modelrollout.kube.resources import Obj, uid_of


@dataclass(frozen=True, slots=True)
class Reading:
    """A ModelRollout, and why its spec cannot be read (empty when it can; the rollout then has no spec)."""

    rollout: ModelRollout
    spec_error: str = ""


class Reader:
    """Reads objects; a spec that did not change is read once."""

    def __init__(self) -> None:
        self._specs: dict[str, tuple[int, ModelRolloutSpec | None, str]] = {}

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
        return known[1], known[2]
