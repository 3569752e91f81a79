from prometheus_client.parser import text_string_to_metric_families

from dev.demo.digits.traffic.answers import Answer, Kind
from dev.demo.digits.traffic.counters import Counters


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def scrape(counters: Counters) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(counters.exposition().decode())
    samples = (sample for family in families for sample in family.samples if not sample.name.endswith("_created"))
    return {(sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value for sample in samples}


def test_series_of_known_versions_are_there_at_zero_before_the_first_request() -> None:
    seen = scrape(Counters(["v1", "v2"], 10, Clock()))
    for version in ("v1", "v2"):
        assert seen["model_outcomes_total", "true", version] == 0
        assert seen["model_outcomes_total", "false", version] == 0
        assert seen["model_requests_total", "500", version] == 0
        assert seen["model_request_duration_seconds_count", version] == 0


def test_requests_count_at_once_and_outcomes_when_their_label_is_known() -> None:
    clock = Clock()
    counters = Counters(["v1"], 10, clock)
    counters.count(Answer(100.0, 0.03, "v1", "200", Kind.WRONG))
    young = scrape(counters)
    assert young["model_requests_total", "200", "v1"] == 1
    assert young["model_request_duration_seconds_bucket", "0.025", "v1"] == 0
    assert young["model_request_duration_seconds_bucket", "0.05", "v1"] == 1
    assert young["model_outcomes_total", "false", "v1"] == 0
    clock.now = 110.0
    assert scrape(counters)["model_outcomes_total", "false", "v1"] == 1


def test_right_and_wrong_outcomes_of_one_moment_appear_in_the_same_scrape() -> None:
    clock = Clock()
    counters = Counters(["v1"], 10, clock)
    for kind in (Kind.RIGHT, Kind.WRONG):
        counters.count(Answer(100.0, 0.0, "v1", "200", kind))
    clock.now = 110.0
    seen = scrape(counters)
    assert (seen["model_outcomes_total", "true", "v1"], seen["model_outcomes_total", "false", "v1"]) == (1, 1)


def test_an_unexpected_version_gets_all_of_its_series_with_its_first_answer() -> None:
    counters = Counters([], 10, Clock())
    counters.count(Answer(100.0, 0.0, "v9", "200", Kind.RIGHT))
    seen = scrape(counters)
    assert seen["model_requests_total", "500", "v9"] == 0
    assert seen["model_outcomes_total", "true", "v9"] == 0


def test_a_request_that_was_not_sent_is_nobodys() -> None:
    counters = Counters(["v1"], 10, Clock())
    counters.skip()
    seen = scrape(counters)
    assert seen["model_requests_skipped_total",] == 1
    assert seen["model_requests_total", "200", "v1"] == 0
