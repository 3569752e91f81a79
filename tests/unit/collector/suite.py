"""What the collector promises on every kind of store. The fixture `make` gives worlds that share one empty store."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from modelrollout.collector.documents import Heartbeat
from modelrollout.collector.events import EMPTY, Event
from modelrollout.collector.refusals import Refused
from modelrollout.collector.retention import measure
from modelrollout.collector.sampling import export_samples
from modelrollout.collector.tables import EXCHANGES, LABELS
from tests.unit.collector.world import CLASSES, KEY, START, World, answered, asked, exchange, fraud, label, signal

Make = Callable[..., World]

NUMBERS = {"prediction": "price", "compare": {"kind": "Number", "tolerance": 0.5}}
BY_COUNTRY = CLASSES | {"slices": [{"name": "the-country", "header": "X-Country", "maxValues": 2}]}
BY_USER = CLASSES | {
    "unit": {"header": "x-user", "window": "1h"},
    "signals": [{"name": "complaint"}, {"name": "revenue"}],
}
BUYERS = {"x-user": "ann"}


def test_an_exchange_is_counted_when_it_has_settled_and_only_once(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}))
    world.later(9)
    assert not world.counted("model_requests_total")
    world.later(1)
    assert world.counted("model_requests_total", version="v7", code_class="2xx") == 1
    world.later(1000)
    assert world.counted("model_requests_total") == 1


def test_what_is_sent_again_is_not_counted_again(make: Make) -> None:
    world = make()
    for _ in range(2):
        world.send(*exchange("1", body={"class": "a"}))
    world.later(20)
    world.send(*exchange("1", body={"class": "b"}))
    world.later(2000)
    assert world.counted("model_requests_total") == 1


def test_the_first_of_two_answers_counts(make: Make) -> None:
    world = make()
    world.send(asked("1"), answered("1", body={"class": "a"}), answered("1", body={"class": "b"}), label("1", "a"))
    world.later(20)
    assert world.counted("model_outcomes_total", correct="true") == 1


def test_request_and_answer_may_come_in_any_order_and_apart(make: Make) -> None:
    world = make(BY_COUNTRY)
    world.send(answered("1", body={"class": "a"}))
    world.now += 5
    world.send(asked("1", headers={"x-country": "BR"}))
    world.send(asked("2", headers={"x-country": "BR"}))
    world.later(100)
    world.send(answered("2", body={"class": "a"}))
    world.later(10)
    assert world.counted("model_requests_total", the_country="BR", code_class="2xx") == 2


def test_a_request_without_an_answer_is_given_up_and_said_so(make: Make) -> None:
    world = make()
    world.send(asked("1"))
    world.later(600)
    assert world.unmatched == {"request": 1}
    assert not world.counted("model_requests_total")


def test_an_answer_without_its_request_is_counted_and_said_so(make: Make) -> None:
    world = make()
    world.send(answered("1", code=503))
    world.later(10)
    assert world.counted("model_requests_total", code_class="5xx") == 1
    assert world.unmatched == {"answer": 1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_label_is_joined_wherever_it_comes_in(make: Make, when: str) -> None:
    world = make(CLASSES | {"labelDelay": "30m"})
    if when == "before":
        world.send(label("1", "a", START - 60))
    world.send(*exchange("1", body={"class": "a"}), *exchange("2", "v8", body={"class": "b"}))
    world.later(1799)
    assert not world.counted("model_outcomes_total")
    if when == "after":
        world.send(label("1", "a", START + 45))
    world.later(1)
    assert world.counted("model_outcomes_total", version="v7", correct="true") == 1
    assert world.counted("model_outcomes_total", version="v8") == 0
    assert world.counted("model_unlabelled_total", version="v8") == 1
    assert world.counted("model_label_delay_seconds_sum", version="v7") == (0 if when == "before" else 45)


def test_the_newest_label_counts_whenever_it_comes_in(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}), *exchange("2", body={"class": "a"}))
    world.send(label("1", "b", START + 1), label("2", "a", START + 2))
    world.send(label("1", "a", START + 2), label("2", "b", START + 1))
    world.later(10)
    assert world.counted("model_outcomes_total", correct="true") == 2


def test_a_label_that_is_too_late_changes_nothing_and_is_told(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}))
    world.later(10)
    world.send(label("1", "a"), label("unknown", "a"))
    world.later(10)
    assert world.late == {"late-label": 1}
    assert (world.counted("model_outcomes_total"), world.counted("model_unlabelled_total")) == (0, 1)


def test_both_versions_are_counted_at_the_same_age(make: Make) -> None:
    world = make(CLASSES | {"labelDelay": "1h"})
    world.send(*exchange("1", body={"class": "a"}, time=START - 3000))
    world.send(*exchange("2", "v8", body={"class": "a"}, time=START - 1000))
    world.later(600)
    assert (
        world.counted("model_requests_total", version="v7"),
        world.counted("model_requests_total", version="v8"),
    ) == (
        1,
        None,
    )
    world.later(2000)
    assert world.counted("model_requests_total", version="v8") == 1


def test_a_device_may_send_hours_later_but_not_days(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}, time=START - 6 * 3600), label("1", "a"))
    world.later(10)
    assert world.counted("model_outcomes_total", correct="true") == 1
    with pytest.raises(Refused, match="further back"):
        world.send(asked("2", time=START - 90_000))
    with pytest.raises(Refused, match="set the clock"):
        world.send(asked("2", time=START + 3600))


def test_a_shadow_is_paired_with_the_answer_of_the_same_request(make: Make) -> None:
    world = make()
    for number, found in enumerate(["a", "a", "b"]):
        world.send(*exchange(str(number), body={"class": "a"}, shadow=False))
        world.send(*exchange(str(number), "v8", body={"class": found}, shadow=True))
    world.send(*exchange("3", body={"class": "a"}, shadow=False), *exchange("3", "v8", code=500, shadow=True))
    world.send(*exchange("4", "v8", body={"class": "a"}, shadow=True))
    world.send(label("1", "a"), label("2", "b"))
    world.later(10)
    pairs = {one: world.counted("model_shadow_pairs_total", version="v8", result=one) for one in ("agree", "differ")}
    assert pairs == {"agree": 2, "differ": 1}
    assert world.counted("model_shadow_pairs_total", version="v8", result="error") == 1
    assert world.counted("model_shadow_identical_total", version="v8") == 2
    assert world.counted("model_pair_outcomes_total", stable="right", candidate="right") == 1
    assert world.counted("model_pair_outcomes_total", stable="wrong", candidate="right") == 1
    assert world.counted("model_pair_outcomes_total") == 2
    assert world.unmatched == {"pair": 1}


def test_a_pair_of_which_one_side_was_counted_before_is_compared_all_the_same(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}, shadow=False))
    world.later(8)
    world.send(*exchange("1", "v8", body={"class": "a"}, shadow=True))
    world.later(5)
    world.retention.forget(world.now)
    assert world.counted("model_requests_total") == 1
    world.later(10)
    assert world.counted("model_shadow_pairs_total", result="agree") == 1


def test_where_nobody_says_which_was_the_shadow_the_stable_version_answered_the_user(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}), *exchange("1", "v8", body={"class": "b"}))
    world.later(10)
    assert world.counted("model_shadow_pairs_total", version="v8", result="differ") == 1
    assert world.counted("model_shadow_pairs_total", version="v7") == 0


def test_of_numbers_the_difference_is_summed(make: Make) -> None:
    world = make(NUMBERS)
    for number, price in enumerate([10.25, 12, 10]):
        world.send(*exchange(str(number), body={"price": 10}, shadow=False))
        world.send(*exchange(str(number), "v8", body={"price": price}, shadow=True))
    world.later(10)
    assert world.counted("model_shadow_pairs_total", result="agree") == 2
    names = [f"model_pair_difference_{part}" for part in ("sum", "squares", "count")]
    assert [world.counted(name, version="v8") for name in names] == [2.25, 0.0625 + 4, 3]


def test_a_number_that_no_sum_can_hold_is_no_prediction_and_stops_nothing(make: Make) -> None:
    world = make(NUMBERS | {"score": {"path": "price", "buckets": [1]}})
    for id_, mine, theirs in (("1", -1e200, 1e200), ("2", 1.7e308, 1.7e308), ("3", 2, 2)):
        world.send(*exchange(id_, "v7", {"price": mine}), *exchange(id_, "v8", {"price": theirs}, shadow=True))
        world.later(20)
    assert world.counted("model_shadow_pairs_total") == world.counted("model_pair_difference_count") == 1
    assert world.counted("model_score_sum") == 4


def test_slices_are_bounded_and_the_first_seen_keep_their_name(make: Make) -> None:
    world = make(BY_COUNTRY)
    for number, country in enumerate(["BR", "DE", "FR", "BR", None]):
        world.send(*exchange(str(number), headers={"x-country": country} if country else {}))
        world.later(10)
    assert world.counted("model_requests_total", the_country="BR") == 2
    assert world.counted("model_requests_total", the_country="DE") == 1
    assert world.counted("model_requests_total", the_country="FR") is None
    assert world.counted("model_requests_total", the_country="other") == 1
    assert world.counted("model_requests_total", the_country="none") == 1


def test_a_value_stays_that_of_its_slice_when_slices_are_renamed_or_change_places(make: Make) -> None:
    place, device = ({"name": name, "header": f"x-{name}"} for name in ("place", "device"))
    world = make(CLASSES | {"slices": [place, device]})
    for id_, changed in (("1", [device, place]), ("2", [{"name": "land", "header": "x-land"}, place])):
        world.send(*exchange(id_, headers={"x-place": "BR", "x-device": "old"}))
        world.catalogue.take(fraud(CLASSES | {"slices": changed}))
        world.later(20)
        world.catalogue.take(fraud(CLASSES | {"slices": [place, device]}))
    assert world.counted("model_requests_total", place="BR", device="old") == 1
    assert world.counted("model_requests_total", land="none", place="BR") == 1


def test_slices_that_change_places_go_on_with_the_series_that_there_are(make: Make) -> None:
    one, other = ({"name": name, "header": f"x-{name}"} for name in ("place", "device"))
    world = make()
    for id_, slices in (("1", [one, other]), ("2", [other, one])):
        world.catalogue.take(fraud(CLASSES | {"slices": slices}))
        world.send(*exchange(id_, headers={"x-place": 'a,"b"', "x-device": "old"}))
        world.later(20)
    told = [line for line in world.exposition.text(world.now).splitlines() if 'code_class="2xx"' in line]
    assert [line.rpartition(" ")[2] for line in told] == ["2.0"]


def test_every_series_begins_with_a_zero_before_the_first_answer(make: Make) -> None:
    world = make()
    world.counting.begin(world.now)
    for version in ("v7", "v8"):
        assert world.counted("model_outcomes_total", version=version, correct="true") == 0


def test_signals_count_for_the_version_that_the_user_saw(make: Make) -> None:
    world = make(BY_USER)
    world.send(*exchange("1", shadow=False), *exchange("1", "v8", shadow=True), *exchange("2", "v8", shadow=False))
    world.send(signal("1", "complaint"), signal("2", "revenue", 4), signal("2", "revenue", 6, START + 1))
    world.later(10)
    assert world.counted("model_signals_total", version="v7", signal="complaint") == 1
    assert world.counted("model_signals_total", version="v8", signal="complaint") == 0
    assert world.counted("model_signal_value_sum", version="v8", signal="revenue") == 6
    world.send(signal("1", "revenue"))
    assert world.late == {"late-signal": 1}


def test_a_signal_must_be_declared_and_in_its_range(make: Make) -> None:
    world = make({"signals": [{"name": "stars", "min": 1, "max": 5}]})
    world.send(signal("1", "stars", 5))
    for name, value, why in (("thumbs", 1, "does not name"), ("stars", 0, "below"), ("stars", 6, "above")):
        with pytest.raises(Refused, match=why):
            world.send(signal("1", name, value))


def test_users_enter_the_counters_once_a_window_with_all_their_moments(make: Make) -> None:
    world = make(BY_USER)
    start = START // 3600 * 3600 + 3600
    world.now = start
    for id_, user in (("1", "ann"), ("2", "ann"), ("3", "bob")):
        world.send(*exchange(id_, headers={"x-user": user}))
    world.send(signal("1", "revenue", 3), signal("2", "revenue", 4), signal("3", "revenue", 5))
    world.later(3600)
    assert not world.counted("model_users_total")
    world.later(20)
    assert world.counted("model_users_total", version="v7") == 2
    assert world.counted("model_user_requests_sum") == 3
    assert world.counted("model_user_requests_squares") == 4 + 1
    values = {"version": "v7", "signal": "revenue"}
    assert world.counted("model_user_value_sum", **values) == 12
    assert world.counted("model_user_value_squares", **values) == 49 + 25
    assert world.counted("model_user_cross_sum", **values) == 7 * 2 + 5
    assert world.counted("model_user_value_sum", signal="complaint") == 0
    world.send(*exchange("4", headers=BUYERS))
    world.later(7300)
    assert world.counted("model_users_total") == 3


def test_nothing_but_ids_and_verdicts_is_left_of_what_was_counted(make: Make) -> None:
    world = make(BY_USER | {"labelDelay": "1m"})
    world.send(*exchange("1", body={"class": "secret"}, question={"name": "secret"}, headers={"x-user": "secret"}))
    world.later(200)
    world.retention.forget(world.now)
    with world.store.reading() as connection:
        row = connection.exec_driver_sql("SELECT asked, answered FROM exchanges").one()
    assert tuple(row) == (None, None)


def test_what_is_kept_until_then_holds_neither_names_nor_classes(make: Make) -> None:
    world = make(BY_USER)
    world.send(*exchange("1", body={"class": "secret"}, question={"name": "secret"}, headers={"x-user": "secret"}))
    world.send(label("1", "secret"))
    with world.store.reading() as connection:
        rows = [
            *connection.exec_driver_sql("SELECT asked, answered FROM exchanges").all(),
            *connection.exec_driver_sql("SELECT value FROM labels").all(),
        ]
    assert "secret" not in repr(rows)


def test_ids_are_forgotten_after_the_retention(make: Make) -> None:
    world = make()
    world.send(*exchange("1"), label("1", "a"))
    world.later(20)
    world.now += 90_000
    while world.retention.forget(world.now):
        pass
    with world.store.reading() as connection:
        left = [connection.execute(select(func.count()).select_from(one)).scalar_one() for one in (EXCHANGES, LABELS)]
    assert left == [0, 0]
    assert world.counted("model_requests_total") == 1


def test_a_pair_is_compared_though_its_labels_come_later_than_ids_are_remembered(make: Make) -> None:
    world = make(CLASSES | {"labelDelay": "7d"})
    world.send(*exchange("1", body={"class": "a"}, shadow=False))
    world.now += 5
    world.send(*exchange("1", "v8", body={"class": "a"}, shadow=True))
    world.later(7 * 86_400 - 4)
    assert world.counted("model_requests_total", version="v7", code_class="2xx") == 1
    world.retention.forget(world.now)
    world.later(10)
    assert world.counted("model_shadow_pairs_total", version="v8", result="agree") == 1


def test_how_full_the_store_is_can_be_told(make: Make) -> None:
    world = make()
    for id_ in ("1", "2", "3"):
        world.send(*exchange(id_))
    if world.store.shared:
        with world.store.writing() as connection:
            connection.exec_driver_sql("ANALYZE exchanges")
    room = measure(world.store)
    assert (room.rows, room.pending) == (3, 3)
    world.later(10)
    assert measure(world.store).pending == 0


def test_counters_of_a_rollout_that_is_gone_are_kept_for_a_week(make: Make) -> None:
    world = make()
    world.send(*exchange("1"))
    world.later(10)
    world.catalogue.put(KEY, None)
    world.now += 86_400
    world.retention.abandon(world.now)
    assert world.counted("model_requests_total") == 1
    world.now += 7 * 86_400
    world.retention.abandon(world.now)
    assert world.counted("model_requests_total") is None


def test_what_no_rollout_asks_for_any_more_is_counted_as_lost(make: Make) -> None:
    world = make()
    world.send(*exchange("1"))
    world.catalogue.put(KEY, None)
    world.later(10)
    assert world.unmatched == {"rollout": 1}


def test_a_changed_comparison_does_not_compare_what_was_kept_for_another(make: Make) -> None:
    world = make(CLASSES | {"labelDelay": "1m"})
    world.send(*exchange("1", body={"class": "a", "price": 3}), label("1", "a"))
    world.catalogue.take(fraud(NUMBERS | {"labelDelay": "1m"}) | {"spec": fraud(NUMBERS)["spec"]})
    world.later(60)
    assert world.counted("model_requests_total", code_class="2xx") == 1
    assert world.counted("model_outcomes_total") == 0


def test_invariants_of_requests_and_answers_are_counted(make: Make) -> None:
    world = make(
        {
            "invariants": [
                {"name": "age", "of": "Request", "path": "age", "min": 0},
                {"name": "sum", "path": "p", "sum": {}},
                {"name": "flicker", "path": "class", "flicker": {"field": "item", "within": "5m"}},
            ]
        }
    )
    for number, (item, found) in enumerate([("x", "a"), ("x", "b"), ("y", "a"), ("x", "b")]):
        body = {"class": found, "p": [0.5, 0.5 if number else 0.6]}
        world.send(*exchange(str(number), body=body, question={"age": number - 1, "item": item}))
        world.later(10)
    failures = {
        name: (
            world.counted("model_invariant_failures_total", invariant=name),
            world.counted("model_invariant_checks_total", invariant=name),
        )
        for name in ("age", "sum", "flicker")
    }
    assert failures == {"age": (1, 4), "sum": (1, 4), "flicker": (1, 2)}


def test_scores_are_a_histogram_with_its_distance_from_training(make: Make) -> None:
    references = [{"version": "v7", "counts": [2, 2, 0]}, {"version": "v8", "counts": [0, 0, 1]}]
    world = make({"score": {"path": "p", "buckets": [0.5, 1], "references": references}})
    for number, score in enumerate([0.2, 0.5, 0.7, 0.8]):
        world.send(*exchange(str(number), body={"p": score}), *exchange(str(number), "v8", body={"p": score}))
    world.later(10)
    buckets = [world.counted("model_score_bucket", version="v7", le=bound) for bound in ("0.5", "1", "+Inf")]
    assert buckets == [2, 4, 4]
    assert world.counted("model_score_sum", version="v7") == pytest.approx(2.2)
    assert world.counted("model_score_reference_distance", version="v7") == 0
    assert world.counted("model_score_reference_distance", version="v8") == 1


def test_scores_are_counted_anew_when_their_buckets_are_others(make: Make) -> None:
    world = make()
    for number, (buckets, counts) in enumerate((([0.5, 1], [1, 1, 0]), ([0.3, 0.6, 1], [1, 0, 1, 0]))):
        reference = {"version": "v7", "counts": counts}
        world.catalogue.take(fraud({"score": {"path": "p", "buckets": buckets, "references": [reference]}}))
        for _ in range(2):
            world.counting.begin(world.now)
        world.send(*exchange(str(number), body={"p": [0.2, 0.8]}))
        world.later(20)
        assert world.counted("model_score_count", version="v7") == 2
        assert world.counted("model_score_reference_distance", version="v7") == 0


def test_a_heartbeat_tells_its_age(make: Make) -> None:
    world = make()
    world.send(Heartbeat(KEY[0], "logger", "fraud-v7", None, None, START - 30))
    world.send(Heartbeat(KEY[0], "logger", "fraud-v7", None, None, START - 60))
    world.send(Heartbeat(KEY[0], "logger", None, KEY[1], "v8", None))
    world.later(5)
    assert world.counted("model_heartbeat_age_seconds", version="v7", source="logger") == 35
    assert world.counted("model_heartbeat_age_seconds", version="v8") == 5
    with pytest.raises(Refused, match="knows this workload or version"):
        world.send(Heartbeat(KEY[0], "logger", None, KEY[1], "v9", None))


def test_samples_are_kept_with_the_probability_by_which_they_were(make: Make) -> None:
    world = make(
        CLASSES
        | {
            "sample": {
                "path": "/infer",
                "fields": ["x"],
                "answers": ["class"],
                "random": 0.2,
                "disagreeing": 0.5,
                "max": 60,
            }
        }
    )
    sent: list[Event] = []
    for number in range(400):
        agree = number % 2
        body = {"x": number, "secret": 1}
        sent += exchange(str(number), body={"class": "a"}, question=body, shadow=False)
        sent += exchange(str(number), "v8", body={"class": "a" if agree else "b"}, question=body, shadow=True)
    world.send(*sent)
    world.later(10)
    kept = list(export_samples(world.store, KEY, "/infer"))
    assert len(kept) == 60
    for one in kept:
        assert one["request"] == {"path": "/infer", "body": {"x": int(one["sample"]["id"])}}
        assert one["expect"] == {"status": 200, "body": {"class": "a"}}
        assert one["sample"]["reason"] == ("random" if one["request"]["body"]["x"] % 2 else "disagreeing")
    # As many as there are, within four standard errors of this sample.
    for reason in ("random", "disagreeing"):
        chances = [one["sample"]["probability"] for one in kept if one["sample"]["reason"] == reason]
        error = sum((1 - p) / p**2 for p in chances) ** 0.5
        assert abs(sum(1 / p for p in chances) - 200) < 4 * error


def test_nothing_is_kept_without_permission(make: Make) -> None:
    world = make()
    world.send(*exchange("1", body={"class": "a"}, question={"x": 1}))
    world.later(10)
    assert list(export_samples(world.store, KEY, "/infer")) == []


def test_a_new_process_goes_on_where_the_old_one_was(make: Make) -> None:
    first = make(BY_COUNTRY)
    first.send(*exchange("1", headers={"x-country": "BR"}))
    first.later(10)
    first.send(*exchange("2", headers={"x-country": "BR"}))
    second = make(BY_COUNTRY)
    second.now = first.now
    assert second.counted("model_requests_total", the_country="BR", code_class="2xx") == 1
    second.later(10)
    assert second.counted("model_requests_total", the_country="BR", code_class="2xx") == 2


def test_what_asked_nothing_is_no_request_to_a_model(make: Make) -> None:
    world = make(BY_COUNTRY | {"invariants": [{"name": "known", "path": "class", "allowed": ["a"]}]})
    world.send(*exchange("get", body={"ready": True}, question=EMPTY), *exchange("1", body={"class": "a"}))
    world.later(20)
    assert world.counted("model_requests_total") == 1
    assert world.counted("model_invariant_failures_total") == 0
    assert world.unmatched == {"empty": 1}


def test_an_answer_with_nothing_in_it_breaks_what_must_be_there(make: Make) -> None:
    world = make(CLASSES | {"invariants": [{"name": "known", "path": "class", "allowed": ["a"]}]})
    world.send(*exchange("1", body=EMPTY))
    world.later(20)
    assert world.counted("model_invariant_failures_total", invariant="known") == 1
