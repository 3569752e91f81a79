"""ModelRollouts as types, from the objects of the cache, with everything ready-made in their metrics written out."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from modelrollout.api import ModelRollout, ModelRolloutSpec, ModelRolloutStatus, ObjectMeta, parse_spec
from modelrollout.errors import InvalidSpec
from modelrollout.kube.resources import Obj, uid_of
from modelrollout.presets import resolve, templates_of
from modelrollout.reconciler.templates import CachedShelf, References, Templates

_KEPT = 512
"""Specs that are held as types; those of idle rollouts would only take memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A ModelRollout.

    Attributes:
        rollout: with presets and templates expanded; it has no spec where that cannot be read.
        spec_error: why the spec does not count as it stands, empty when it does: it cannot be read, or refers to a
            preset or template that is not there or is used wrongly. The spec is as written then.
        templates: what it refers to.
    """

    rollout: ModelRollout
    spec_error: str = ""
    templates: References = frozenset()

    @property
    def readable(self) -> bool:
        """Whether there is a spec, if perhaps one whose metrics are not known."""
        return self.rollout.spec is not None


@dataclass(frozen=True, slots=True)
class _Known:
    """A spec as it was read: as written, and resolved with its templates in this state."""

    generation: int
    written: ModelRolloutSpec | None
    templates: References
    state: tuple[str, ...]
    spec: ModelRolloutSpec | None
    error: str


class Reader:
    """Reads objects; the specs of rollouts that something happens to are read once, as long as they do not change."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._specs: OrderedDict[str, _Known] = OrderedDict()

    def read(self, obj: Obj) -> Reading:
        """The object as a type."""
        metadata = ObjectMeta.model_validate(obj["metadata"])
        status = ModelRolloutStatus.model_validate(obj.get("status") or {})
        known = self._spec(metadata, obj)
        # Built without validation: both parts are valid on their own, and the spec may be missing.
        parts: dict[str, Any] = {"metadata": metadata, "spec": known.spec, "status": status}
        return Reading(ModelRollout.model_construct(**parts), known.error, known.templates)

    def forget(self, obj: Obj) -> None:
        """The rollout is gone."""
        self._specs.pop(uid_of(obj), None)

    def _spec(self, metadata: ObjectMeta, obj: Obj) -> _Known:
        shelf = self._templates.shelf(metadata.namespace)
        known = self._specs.get(metadata.uid)
        if known is None or known.generation != metadata.generation:
            try:
                written = parse_spec(obj.get("spec") or {})
            except InvalidSpec as error:
                known = _Known(metadata.generation, None, frozenset(), (), None, str(error))
            else:
                known = self._resolved(metadata, written, shelf)
        elif known.written is not None and known.state != shelf.state(known.templates):
            known = self._resolved(metadata, known.written, shelf)
        self._specs[metadata.uid] = known
        self._specs.move_to_end(metadata.uid)
        if len(self._specs) > _KEPT:
            self._specs.popitem(last=False)
        return known

    @staticmethod
    def _resolved(metadata: ObjectMeta, written: ModelRolloutSpec, shelf: CachedShelf) -> _Known:
        templates = templates_of(written)
        state = shelf.state(templates)
        try:
            spec = resolve(written, metadata.name, shelf)
        except InvalidSpec as error:
            return _Known(metadata.generation, written, templates, state, written, str(error))
        return _Known(metadata.generation, written, templates, state, spec, "")
