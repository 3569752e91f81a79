"""KServe's InferenceServices in Standard mode, where KServe makes a Deployment of each of their components."""

from collections.abc import Iterator

from modelrollout.kube.resources import INFERENCESERVICES, Obj, Resource, name_of

LABEL = "serving.kserve.io/inferenceservice"
"""Label key of the pods of an InferenceService; the value is its name."""

_STOP = "serving.kserve.io/stop"
_MODE = "serving.kserve.io/deploymentMode"
_OTHER_MODES = frozenset({"Knative", "Serverless", "ModelMesh"})

# A component's server is a container with more: which model, and which ServingRuntime serves it. KServe's webhook turns
# `sklearn: {...}` and its like into `model: {modelFormat: {name: sklearn}, ...}`.
_SERVERS = ("model", "art")
_MODEL = (
    "type",
    "modelFormat",
    "runtime",
    "runtimeVersion",
    "protocolVersion",
    "storageUri",
    "storageUris",
    "storage",
    "config",
)


class InferenceServiceKind:
    """serving.kserve.io/v1beta1 InferenceService."""

    @property
    def resource(self) -> Resource:
        """InferenceServices."""
        return INFERENCESERVICES

    def pod_spec(self, workload: Obj) -> Obj:
        """What predictor, transformer and explainer run, as one; what a ServingRuntime adds is not its own."""
        parts = list(_parts(workload))
        servers = [(part, {**spec[kind], "name": kind}) for part, spec in parts for kind in _SERVERS if spec.get(kind)]
        return {
            "containers": [_of(part, one) for part, one in servers]
            + [_of(part, one) for part, spec in parts for one in spec.get("containers") or []],
            "initContainers": [_of(part, one) for part, spec in parts for one in spec.get("initContainers") or []],
            "volumes": [one for _, spec in parts for one in spec.get("volumes") or []],
        }

    def identity(self, workload: Obj) -> Obj:
        """Format, place and runtime of the model of each component."""
        found = {
            part: {
                key: said[key]
                for said in (spec, *(spec.get(kind) or {} for kind in _SERVERS))
                for key in _MODEL
                if said.get(key)
            }
            for part, spec in _parts(workload)
        }
        return {part: model for part, model in found.items() if model}

    def replicas(self, workload: Obj) -> int | None:
        """None: KServe's own autoscaler decides, between minReplicas and maxReplicas of the component."""
        del workload
        return None

    def selector(self, workload: Obj) -> str:
        """The label that KServe puts on the pods of all components."""
        return f"{LABEL}={name_of(workload)}"

    def problem(self, workload: Obj) -> str:
        """Stopped, in a mode in which it has no pods of its own, or refused by KServe."""
        status = workload.get("status") or {}
        if ((workload["metadata"].get("annotations") or {}).get(_STOP) or "").lower() == "true":
            return f"the InferenceService is stopped: remove its annotation {_STOP}"
        mode = status.get("deploymentMode")
        if mode in _OTHER_MODES:
            return f"the InferenceService is in {mode} mode: annotate it with {_MODE}: Standard, and create it anew"
        model = status.get("modelStatus") or {}
        failure = model.get("lastFailureInfo") or {}
        if model.get("transitionStatus") in ("InvalidSpec", "BlockedByFailedLoad") and failure:
            return f"{failure.get('reason', '')}: {failure.get('message', '')}"
        return ""


def _parts(workload: Obj) -> Iterator[tuple[str, Obj]]:
    """The pod specs of its components, by what they are."""
    spec = workload.get("spec") or {}
    predictor = spec.get("predictor") or {}
    yield "predictor", predictor
    for part, found in (
        ("worker", predictor.get("workerSpec")),
        ("transformer", spec.get("transformer")),
        ("explainer", spec.get("explainer")),
    ):
        if found:
            yield part, found


def _of(part: str, container: Obj) -> Obj:
    """The container under a name that says whose it is: components may use the same names."""
    return {**container, "name": f"{part}/{container.get('name', '')}"}
