"""Istio's definitions of its kinds, as they lie in the Go module that istiod is built from."""

import re
from pathlib import Path

from dev import golang

_CRDS = Path("manifests/charts/base/files/crd-all.gen.yaml")


def crd(plural: str) -> str:
    """The definition of one kind of networking.istio.io, as YAML."""
    documents = re.split(r"^---\n", (_module() / _CRDS).read_text(), flags=re.MULTILINE)
    return next(text for text in documents if f"\n  name: {plural}.networking.istio.io\n" in text)


def _module() -> Path:
    return golang.module("istio", "istio.io/istio")
