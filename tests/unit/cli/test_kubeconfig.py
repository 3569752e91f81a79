from pathlib import Path

import pytest

from modelrollout.cli.kubeconfig import namespace_of


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(
        "contexts: [{name: a, context: {cluster: c, namespace: risk}}, {name: b, context: {cluster: c}}]\n"
    )
    second.write_text("current-context: a\ncontexts: [{name: a, context: {cluster: c, namespace: other}}]\n")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")


@pytest.mark.usefixtures("files")
def test_the_namespace_is_that_of_the_current_context_and_the_first_file_wins() -> None:
    assert namespace_of(None) == "risk"


@pytest.mark.usefixtures("files")
def test_a_context_without_a_namespace_or_an_unknown_one_means_default() -> None:
    assert namespace_of("b") == "default"
    assert namespace_of("c") == "default"
