"""JSON patches mean here what RFC 6902 says."""

import pytest

from modelrollout.manifests.json_patch import PatchFailed, add, apply, pointer, remove, replace, unchanged
from modelrollout.manifests.json_patch import test as expect


def test_keys_with_slash_and_tilde_are_escaped() -> None:
    assert (
        pointer("metadata", "annotations", "modelrollout.io/owner~x", 0)
        == "/metadata/annotations/modelrollout.io~1owner~0x/0"
    )


def test_operations_are_carried_out_in_order_on_a_copy() -> None:
    document = {"a": {"b": [1, 2]}, "metadata": {"resourceVersion": "7"}}
    patch = [
        unchanged(document),
        expect(2, "a", "b", 1),
        replace(3, "a", "b", 1),
        add(9, "a", "b", "-"),
        add(0, "a", "b", 0),
        remove("a", "b", 1),
    ]
    assert apply(document, patch)["a"] == {"b": [0, 3, 9]}
    assert document["a"] == {"b": [1, 2]}


@pytest.mark.parametrize(
    "operation",
    [
        expect("8", "metadata", "resourceVersion"),
        expect(True, "weight"),
        expect(None, "missing"),
        replace(1, "missing"),
        replace(1, "list", 1),
        remove("missing"),
        add(1, "list", 2),
        add(1, "list", "last"),
        add(1, "missing", "deeper"),
        add(1, "weight", "deeper"),
    ],
    ids=lambda operation: f"{operation['op']} {operation['path']}",
)
def test_a_patch_that_does_not_fit_is_refused(operation: dict) -> None:
    with pytest.raises(PatchFailed):
        apply({"metadata": {"resourceVersion": "7"}, "weight": 1, "list": [0]}, [operation])
