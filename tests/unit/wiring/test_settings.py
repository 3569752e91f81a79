"""Settings come from the environment."""

import pytest
from pydantic import ValidationError

from modelrollout.wiring.settings import Settings


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELROLLOUT_NAMESPACES", "risk, fraud,")
    monkeypatch.setenv("MODELROLLOUT_PROMETHEUS_ALLOWED", "http://prometheus.*.svc:9090")
    settings = Settings()
    assert settings.namespaces == settings.places == ("risk", "fraud")
    assert settings.prometheus_allowed == ("http://prometheus.*.svc:9090",)


def test_no_namespaces_means_all() -> None:
    assert Settings().places == (None,)


def test_a_pod_leads_under_its_own_name_and_others_under_names_that_nobody_shares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POD_NAME", raising=False)
    assert Settings().identity != Settings().identity
    monkeypatch.setenv("POD_NAME", "operator-7")
    assert Settings().identity == "operator-7"


def test_a_lease_that_others_may_take_while_it_is_still_believed_in_is_refused() -> None:
    with pytest.raises(ValidationError, match="two processes can lead at once"):
        Settings(lease_duration=10, lease_renew=10)


def test_the_token_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings.model_validate({"prometheus_token": "hunter2"}))
