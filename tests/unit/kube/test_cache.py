"""What the cache believes, whatever order news arrives in."""

import json
from typing import Any

from modelrollout.kube.cache import Cache, Change
from modelrollout.kube.resources import DEPLOYMENTS, HTTPROUTES, Obj
from modelrollout.kube.trim import trim


def obj(version: int, name: str = "fraud", uid: str = "u1", **more: Any) -> Obj:
    metadata = {"name": name, "namespace": "risk", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, **more}


def known(cache: Cache, name: str = "fraud") -> str | None:
    found = cache.get(HTTPROUTES, "risk", name)
    return found["metadata"]["resourceVersion"] if found else None


def test_the_answer_to_an_own_write_is_known_at_once_and_an_older_event_cannot_undo_it() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(5))
    assert cache.apply(HTTPROUTES, obj(9), own=True)
    assert not cache.apply(HTTPROUTES, obj(7))
    assert known(cache) == "9"


def test_versions_are_compared_as_numbers() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(99))
    assert cache.apply(HTTPROUTES, obj(100))


def test_the_event_of_an_own_write_tells_nobody_a_second_time() -> None:
    cache, changes = Cache(), []
    cache.subscribe(changes.append)
    cache.apply(HTTPROUTES, obj(5), own=True)
    cache.apply(HTTPROUTES, obj(5))
    assert [change.own for change in changes] == [True]


def test_a_list_removes_ghosts_but_not_what_came_to_be_after_it() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(5, "ghost"))
    cache.apply(HTTPROUTES, obj(12, "young"))
    cache.replace(HTTPROUTES, "risk", [obj(6)], "10")
    assert (known(cache), known(cache, "ghost"), known(cache, "young")) == ("6", None, "12")


def test_a_list_older_than_the_one_before_is_passed_over() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(5))
    cache.replace(HTTPROUTES, "risk", [], "10")
    cache.replace(HTTPROUTES, "risk", [obj(5)], "8")
    assert known(cache) is None


def test_what_was_deleted_does_not_come_back_by_an_older_event() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(5))
    cache.remove(HTTPROUTES, obj(8))
    assert not cache.apply(HTTPROUTES, obj(7))
    assert known(cache) is None
    assert cache.apply(HTTPROUTES, obj(9, uid="u2"))


def test_a_deletion_older_than_what_is_known_is_of_an_earlier_life() -> None:
    cache = Cache()
    cache.apply(HTTPROUTES, obj(9, uid="u2"))
    cache.remove(HTTPROUTES, obj(8))
    assert known(cache) == "9"


def test_an_object_of_the_same_name_with_another_uid_is_told_as_gone_and_new() -> None:
    cache, changes = Cache(), list[Change]()
    cache.subscribe(changes.append)
    cache.apply(HTTPROUTES, obj(5))
    cache.apply(HTTPROUTES, obj(9, uid="u2"))
    assert [(change.old is not None, change.new is not None) for change in changes] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_it_tells_a_kind_that_was_not_asked_for_from_one_that_is_not_there() -> None:
    cache = Cache()
    assert cache.listed(HTTPROUTES, "risk") is None
    cache.replace(HTTPROUTES, "risk", (), "")
    assert cache.listed(HTTPROUTES, "risk") is False
    cache.replace(HTTPROUTES, "risk", (), "7")
    assert cache.listed(HTTPROUTES, "risk") is True
    cache.forget(HTTPROUTES, "risk")
    assert cache.listed(HTTPROUTES, "risk") is None


def test_a_namespace_that_is_no_longer_watched_is_forgotten_and_told_so() -> None:
    cache, changes = Cache(), list[Change]()
    cache.apply(HTTPROUTES, obj(5))
    cache.subscribe(changes.append)
    cache.forget(HTTPROUTES, "risk")
    assert known(cache) is None
    assert changes[0].new is None


def test_what_nobody_reads_takes_no_memory() -> None:
    container = {"name": "model", "image": "model:8", "resources": {"limits": {"cpu": "2"}}}
    pod = {"containers": [container], "volumes": [], "dnsPolicy": "ClusterFirst"}
    stored = obj(5, spec={"replicas": 2, "strategy": {}, "template": {"metadata": {"labels": {}}, "spec": pod}})
    stored["metadata"] |= {"managedFields": [{}], "labels": {"a": "b"}}
    kept = {"containers": [{"name": "model", "image": "model:8"}], "volumes": []}
    assert trim(DEPLOYMENTS, stored) == obj(5, spec={"replicas": 2, "template": {"spec": kept}}, status={})
    assert stored["spec"]["strategy"] == {}


def test_routes_keep_whole_what_they_say_and_who_wrote_it() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"}
    stored = obj(5, spec={"rules": [{"backendRefs": []}]}, status={"parents": []})
    managers = [{"manager": "argocd"}, {"manager": "envoy", "subresource": "status"}]
    stored["metadata"] |= {"annotations": annotations, "managedFields": managers}
    found = trim(HTTPROUTES, stored)
    assert (found["spec"], found["status"]) == (stored["spec"], stored["status"])
    assert found["metadata"]["annotations"] == {"kept": "yes"}
    assert found["metadata"]["managedFields"] == [{"manager": "argocd"}]


def test_keys_of_all_objects_are_the_same_strings() -> None:
    one, two = (trim(HTTPROUTES, json.loads(json.dumps(obj(number, spec={"hostnames": []})))) for number in (1, 2))
    assert next(iter(one["spec"])) is next(iter(two["spec"]))
