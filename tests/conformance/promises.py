"""What every router promises. The same tests run against an API server in memory and against a real one.

A new router takes part by an entry of `KINDS`; where its objects are of a kind that the API server lacks, the fixture
`site` of tests/cluster/routers also installs that.
"""

import re
from dataclasses import replace

import pytest

from modelrollout.decisions.claims import Claimed, holders
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Mirror, Sticky
from modelrollout.decisions.traffic import agrees
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import Obj
from modelrollout.manifests.owners import OWNER, owners_of
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.routers import Holding, RouteUnusable
from modelrollout.routers.orphans import orphans
from tests.conformance.kinds import KINDS, NAME, Written
from tests.conformance.site import Site, Traffic

BEFORE = {"v7": 1000, "v8": 0}

every = pytest.mark.parametrize("kind", KINDS)
with_rules = pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.rule])
with_copies = pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.copies])
with_users = pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.keeps])
with_shares = pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.splits])


class RouterPromises:
    """To be inherited where a fixture `site` gives a `Site`; a test's router is the parameter `kind`."""

    @pytest.fixture
    def traffic(self, kind: str, site: Site) -> Traffic:
        """The object, not there yet, and its router."""
        return Traffic(KINDS[kind], site)

    @every
    async def test_what_was_applied_is_observed(self, traffic: Traffic) -> None:
        await traffic.begin()
        subject = traffic.rollout()
        assert traffic.router.observe(subject).weights() == BEFORE
        await traffic.router.apply(subject, traffic.intent(3))
        seen = traffic.router.observe(subject)
        assert seen.weights() == traffic.kind.shifted
        assert seen.owner is not None
        assert (seen.owner.uid, seen.owner.intent) == ("uid-1", 3)
        assert not seen.outdated

    @every
    async def test_what_is_missing_is_seen_as_missing_and_cannot_be_written(self, traffic: Traffic) -> None:
        seen = traffic.router.observe(traffic.rollout())
        assert (seen.found, bool(seen.problem)) == (False, True)
        with pytest.raises(RouteUnusable):
            await traffic.router.apply(traffic.rollout(), traffic.intent(**BEFORE))
        assert traffic.site.writes == []

    @every
    async def test_an_unsafe_intent_changes_nothing(self, traffic: Traffic) -> None:
        await traffic.begin()
        with pytest.raises(UnsafeWrite):
            await traffic.router.apply(traffic.rollout(), traffic.intent(v7=1000, v8=1))
        assert traffic.site.writes == []

    @every
    @pytest.mark.parametrize("give_back", [False, True])
    async def test_release_forgets_the_owner_and_may_give_the_traffic_back(
        self, traffic: Traffic, give_back: bool
    ) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        traffic.site.writes.clear()
        await traffic.router.release(_holding(traffic), give_back=give_back)
        seen = traffic.router.observe(traffic.rollout())
        assert (seen.weights(), seen.owner) == (BEFORE if give_back else traffic.kind.shifted, None)
        assert traffic.site.writes == [("patch", NAME)]

    @every
    async def test_what_is_managed_is_claimed_and_watched(self, traffic: Traffic) -> None:
        await traffic.begin()
        router, resource = traffic.router, traffic.kind.resource
        rule = traffic.kind.rule or "predict"
        assert router.claims(traffic.rollout()) == {Claimed(resource.kind, traffic.site.namespace, NAME, rule)}
        assert resource in router.watched(traffic.rollout())
        assert router.watched(traffic.rollout()) <= router.kinds

    @every
    async def test_what_is_so_already_is_not_written_again(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        traffic.site.writes.clear()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert traffic.site.writes == []

    @every
    async def test_a_change_of_traffic_is_one_write(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        traffic.site.writes.clear()
        await traffic.router.apply(traffic.rollout(), traffic.intent(2))
        assert traffic.site.writes == [("patch", NAME)]

    @every
    async def test_what_somebody_changed_since_it_was_seen_is_not_written_over(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        await traffic.edit(_label)
        with pytest.raises(Conflict):
            await traffic.router.apply(traffic.rollout(), traffic.intent(2))
        with pytest.raises(Conflict):
            await traffic.router.release(_holding(traffic), give_back=True)
        await traffic.look()
        await traffic.router.apply(traffic.rollout(), traffic.intent(2))
        assert traffic.router.observe(traffic.rollout()).weights() == traffic.kind.shifted

    @every
    async def test_an_earlier_life_of_the_rollout_gives_way_to_the_new_one(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent(5, "earlier"))
        assert _owner(traffic) == "earlier"
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        assert _owner(traffic) == "uid-1"

    @every
    async def test_all_that_does_not_say_who_gets_what_stays_as_its_owner_wrote_it(self, traffic: Traffic) -> None:
        if traffic.kind.rule:
            await traffic.give(traffic.predict(v7=1, v8=0))
        else:
            await traffic.give(
                Written("other", {"billing": 7}, dressed=True),
                traffic.predict(v7=100, v8=0, dressed=True),
                Written("trial", {f"{NAME}-v8": 5}),
            )
        await traffic.edit(_note)
        await traffic.look()
        before = await traffic.object()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        after = await traffic.object()
        assert traffic.bare(after) == traffic.bare(before)
        weights = await traffic.weights()
        assert weights[traffic.kind.rule or "predict"] == traffic.kind.shifted
        assert {rule: weights[rule] for rule in weights if rule in ("other", "trial")} == (
            {} if traffic.kind.rule else {"other": {"billing": 7}, "trial": {"v8": 5}}
        )

    @every
    async def test_an_edit_in_the_middle_is_seen_and_set_right(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        await traffic.give(traffic.predict(v7=1, v8=0))
        assert traffic.router.observe(traffic.rollout()).weights() == BEFORE
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert traffic.router.observe(traffic.rollout()).weights() == traffic.kind.shifted

    @every
    async def test_what_is_deleted_and_applied_anew_in_the_middle_is_taken_up_again(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        await traffic.remove()
        assert not traffic.router.observe(traffic.rollout()).found
        with pytest.raises(RouteUnusable):
            await traffic.router.apply(traffic.rollout(), traffic.intent())
        await traffic.begin()
        seen = traffic.router.observe(traffic.rollout())
        assert (seen.weights(), seen.owner) == (BEFORE, None)
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert traffic.router.observe(traffic.rollout()).weights() == traffic.kind.shifted
        assert _owner(traffic) == "uid-1"

    @with_shares
    async def test_weights_that_sum_to_anything_are_read_as_shares_and_written_as_thousandths(
        self, traffic: Traffic
    ) -> None:
        await traffic.give(traffic.predict(v7=3, v8=1))
        assert traffic.router.observe(traffic.rollout()).weights() == {"v7": 750, "v8": 250}
        await traffic.router.apply(traffic.rollout(), traffic.intent(v7=900, v8=100))
        assert (await traffic.weights())[traffic.kind.rule or "predict"] == {"v7": 900, "v8": 100}

    @with_rules
    async def test_where_nobody_has_any_weight_nobody_is_seen_to_have_some(self, traffic: Traffic) -> None:
        await traffic.give(traffic.predict(v7=0, v8=0))
        assert traffic.router.observe(traffic.rollout()).weights() is None
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert traffic.router.observe(traffic.rollout()).weights() == traffic.kind.shifted

    @with_rules
    async def test_a_rule_that_moved_to_another_place_is_found_by_its_name(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout("predict"), traffic.intent())
        other = Written("other", {f"{NAME}-v7": 7, f"{NAME}-v8": 0})
        await traffic.give(other, traffic.predict(v7=1, v8=0))
        assert traffic.router.observe(traffic.rollout("predict")).weights() == BEFORE
        await traffic.router.apply(traffic.rollout("predict"), traffic.intent())
        assert await traffic.weights() == {"other": {"v7": 7, "v8": 0}, "predict": traffic.kind.shifted}

    @every
    async def test_it_says_which_of_its_series_are_those_of_a_version_and_weights_do_not_change_that(
        self, traffic: Traffic
    ) -> None:
        unseen = traffic.router.observe(traffic.rollout()).series
        await traffic.begin()
        series = traffic.router.observe(traffic.rollout()).series
        assert series == unseen
        if traffic.kind.counted is None:
            assert series is None
            return
        assert series is not None
        label, value = traffic.kind.counted
        assert series.label == label
        for version in BEFORE:
            counted = value.format(namespace=traffic.site.namespace, service=f"{NAME}-{version}")
            assert [one for one, pattern in series.patterns.items() if re.fullmatch(pattern, counted)] == [version]
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert traffic.router.observe(traffic.rollout()).series == series

    @with_rules
    async def test_all_managed_rules_change_in_one_write(self, traffic: Traffic) -> None:
        rules = [Written(name, {f"{NAME}-v7": 1, f"{NAME}-v8": 0}) for name in ("br", "us")]
        await traffic.give(*rules)
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        traffic.site.writes.clear()
        await traffic.router.apply(traffic.rollout(), traffic.intent(2))
        assert traffic.site.writes == [("patch", NAME)]
        assert await traffic.weights() == dict.fromkeys(("br", "us"), traffic.kind.shifted)
        assert traffic.router.observe(traffic.rollout()).weights() == traffic.kind.shifted

    @with_rules
    async def test_rules_that_differ_have_no_weights_in_common(self, traffic: Traffic) -> None:
        await traffic.give(
            Written("br", {f"{NAME}-v7": 1, f"{NAME}-v8": 0}), Written("us", {f"{NAME}-v7": 0, f"{NAME}-v8": 1})
        )
        assert traffic.router.observe(traffic.rollout()).weights() is None

    @with_rules
    async def test_an_audience_is_some_rules_and_in_the_others_stable_has_everything(self, traffic: Traffic) -> None:
        rules = [Written(name, {f"{NAME}-v7": 1, f"{NAME}-v8": 0}, dressed=True) for name in ("beta", "everyone")]
        await traffic.give(*rules)
        subject, wanted = traffic.rollout(), replace(traffic.intent(2, v7=0, v8=1000), audience=("beta",))
        await traffic.router.apply(subject, traffic.intent(1, **BEFORE))
        before = traffic.bare(await traffic.object())
        traffic.site.writes.clear()
        await traffic.router.apply(subject, wanted)
        assert await traffic.weights() == {"beta": {"v7": 0, "v8": 1000}, "everyone": BEFORE}
        assert (traffic.bare(await traffic.object()), traffic.site.writes) == (before, [("patch", NAME)])
        seen = traffic.router.observe(subject)
        assert agrees(seen, wanted)
        assert not agrees(seen, replace(wanted, audience=()))
        assert not agrees(seen, replace(wanted, audience=("beta", "gone")))
        await traffic.router.apply(subject, wanted)
        assert traffic.site.writes == [("patch", NAME)]
        await traffic.router.apply(subject, traffic.intent(3))
        assert await traffic.weights() == dict.fromkeys(("beta", "everyone"), traffic.kind.shifted)

    @with_rules
    @pytest.mark.parametrize("give_back", [False, True])
    async def test_what_an_audience_has_is_given_back_when_the_rollout_is_gone(
        self, traffic: Traffic, give_back: bool
    ) -> None:
        await traffic.give(*(Written(name, {f"{NAME}-v7": 1, f"{NAME}-v8": 0}) for name in ("beta", "everyone")))
        wanted = replace(traffic.intent(2, v7=0, v8=1000), audience=("beta",))
        await traffic.router.apply(traffic.rollout(), wanted)
        await traffic.router.release(_holding(traffic), give_back=give_back)
        beta = BEFORE if give_back else {"v7": 0, "v8": 1000}
        assert await traffic.weights() == {"beta": beta, "everyone": BEFORE}
        assert traffic.router.observe(traffic.rollout()).owner is None

    @with_copies
    @pytest.mark.parametrize("share", [5, 200, 1000])
    async def test_copies_come_and_go_with_the_intent_and_nothing_else_changes(
        self, traffic: Traffic, share: int
    ) -> None:
        await traffic.give(traffic.predict(dressed=True, v7=1, v8=0))
        subject = traffic.rollout()
        await traffic.router.apply(subject, traffic.intent(1, **BEFORE))
        before = traffic.bare(await traffic.object())
        wanted = _copying(traffic, Mirror("v8", share))
        await traffic.router.apply(subject, wanted)
        seen = traffic.router.observe(subject)
        assert agrees(seen, wanted)
        assert (seen.weights(), seen.rules[0].mirrors) == (BEFORE, (Mirror("v8", share),))
        assert not seen.outdated
        traffic.site.writes.clear()
        await traffic.router.apply(subject, wanted)
        assert traffic.site.writes == []
        await traffic.router.apply(subject, traffic.intent(3, **BEFORE))
        assert traffic.router.observe(subject).rules[0].mirrors == ()
        assert traffic.bare(await traffic.object()) == before

    @with_copies
    @pytest.mark.parametrize("give_back", [False, True])
    async def test_copies_end_with_the_rollout_whatever_becomes_of_its_weights(
        self, traffic: Traffic, give_back: bool
    ) -> None:
        await traffic.give(traffic.predict(dressed=True, v7=1, v8=0))
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        before = traffic.bare(await traffic.object())
        await traffic.router.apply(traffic.rollout(), _copying(traffic, Mirror("v8", 500)))
        await traffic.router.release(_holding(traffic), give_back=give_back)
        assert traffic.bare(await traffic.object()) == before

    @with_users
    async def test_users_are_kept_and_set_free_with_the_intent_and_nothing_else_changes(self, traffic: Traffic) -> None:
        await traffic.give(traffic.predict(dressed=True, v7=1, v8=0))
        subject = traffic.rollout()
        await traffic.router.apply(subject, traffic.intent(1, **BEFORE))
        before = traffic.bare(await traffic.object())
        wanted = _keeping(traffic)
        await traffic.router.apply(subject, wanted)
        seen = traffic.router.observe(subject)
        assert agrees(seen, wanted)
        assert (seen.weights(), seen.rules[0].sticky, seen.sticky.header) == (traffic.kind.shifted, True, "x-user")
        assert not seen.outdated
        traffic.site.writes.clear()
        await traffic.router.apply(subject, wanted)
        assert traffic.site.writes == []
        free = traffic.intent(3, **BEFORE)
        await traffic.router.apply(subject, free)
        assert agrees(traffic.router.observe(subject), free)
        assert traffic.bare(await traffic.object()) == before

    @with_users
    async def test_what_keeps_users_is_missed_when_somebody_takes_it_away(self, traffic: Traffic) -> None:
        await traffic.begin()
        subject, wanted = traffic.rollout(), _keeping(traffic)
        await traffic.router.apply(subject, wanted)
        await traffic.edit(_unmark)
        await traffic.look()
        seen = traffic.router.observe(subject)
        assert (seen.rules[0].sticky, seen.sticky.header, agrees(seen, wanted)) == (None, None, False)
        await traffic.router.apply(subject, wanted)
        assert agrees(traffic.router.observe(subject), wanted)

    @with_users
    @pytest.mark.parametrize("give_back", [False, True])
    async def test_what_keeps_users_goes_with_the_rollout_whatever_becomes_of_its_weights(
        self, traffic: Traffic, give_back: bool
    ) -> None:
        await traffic.give(traffic.predict(dressed=True, v7=1, v8=0))
        await traffic.router.apply(traffic.rollout(), traffic.intent(1, **BEFORE))
        before = traffic.bare(await traffic.object())
        await traffic.router.apply(traffic.rollout(), _keeping(traffic))
        await traffic.router.release(_holding(traffic), give_back=give_back)
        assert traffic.bare(await traffic.object()) == before
        assert (await traffic.weights())["predict"] == (BEFORE if give_back else traffic.kind.shifted)

    @with_rules
    async def test_two_rollouts_share_an_object_by_rules_and_leave_it_one_by_one(self, traffic: Traffic) -> None:
        await traffic.give(*[Written(name, {f"{NAME}-v7": 1, f"{NAME}-v8": 0}) for name in ("br", "us")])
        first = traffic.rollout("br", uid="a", name="fraud-a")
        second = traffic.rollout("us", uid="b", name="fraud-b")
        assert not traffic.router.claims(first) & traffic.router.claims(second)
        await traffic.router.apply(first, traffic.intent(1, "a", "fraud-a"))
        await traffic.router.apply(second, traffic.intent(1, "b", "fraud-b", v7=500, v8=500))
        assert await traffic.weights() == {"br": traffic.kind.shifted, "us": {"v7": 500, "v8": 500}}
        assert {owner.uid: owner.rules for owner in owners_of(await traffic.object())} == {"a": ("br",), "b": ("us",)}
        held = [one for one in _orphans(traffic) if one.owner.uid == "a"]
        await traffic.router.release(held[0], give_back=True)
        assert await traffic.weights() == {"br": BEFORE, "us": {"v7": 500, "v8": 500}}
        assert [owner.uid for owner in owners_of(await traffic.object())] == ["b"]

    @every
    async def test_a_second_claimant_gets_nothing_whatever_the_order_in_which_they_are_seen(
        self, traffic: Traffic
    ) -> None:
        await traffic.begin()
        older, younger = traffic.rollout(uid="a", name="fraud-a"), traffic.rollout(uid="b", name="fraud-b")
        wanted = [(uid, uid, None, traffic.router.claims(one)) for uid, one in (("a", older), ("b", younger))]
        for order in (wanted, wanted[::-1]):
            claims = holders(order)
            assert (claims["a"].held, claims["b"].held, claims["b"].holder) == (True, False, "a")
        await traffic.router.apply(older, traffic.intent(1, "a", "fraud-a"))
        seen = traffic.router.observe(younger).owner
        assert seen is not None
        assert (seen.uid, seen.name) == ("a", "fraud-a")

    @every
    async def test_what_others_note_as_owner_and_nobody_can_read_is_nobodys(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.edit(lambda obj: obj["metadata"].update(annotations={OWNER: "me"}))
        await traffic.look()
        assert traffic.router.observe(traffic.rollout()).owner is None
        await traffic.router.apply(traffic.rollout(), traffic.intent())
        assert _owner(traffic) == "uid-1"


def _owner(traffic: Traffic) -> str:
    owner = traffic.router.observe(traffic.rollout()).owner
    return owner.uid if owner is not None else ""


def _orphans(traffic: Traffic) -> list[Holding]:
    resource = traffic.kind.resource
    return orphans(resource, traffic.site.cache.list(resource), living=set(), uids=set())


def _holding(traffic: Traffic) -> Holding:
    """What is found of the rollout once it is gone."""
    (found,) = _orphans(traffic)
    return found


def _copying(traffic: Traffic, mirror: Mirror) -> TrafficIntent:
    wanted = traffic.intent(2, **BEFORE)
    return replace(wanted, owner=replace(wanted.owner, mirrors=True), mirror=mirror)


def _keeping(traffic: Traffic) -> TrafficIntent:
    wanted = traffic.intent(2)
    sticky = Sticky("x-user", "v7", {"v8": traffic.kind.shifted["v8"]})
    return replace(wanted, owner=replace(wanted.owner, sticks=sticky.order), sticky=sticky)


def _unmark(obj: Obj) -> None:
    for ref in obj["spec"]["rules"][0]["backendRefs"]:
        ref.pop("filters", None)


def _label(obj: Obj) -> None:
    obj["metadata"]["labels"] = {"team": "risk"}


def _note(obj: Obj) -> None:
    obj["metadata"]["annotations"] = {"team": "risk"}
