"""`serve` as a process: it answers, ends in good order, and says what is wrong before it listens."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

EXAMPLES = Path(__file__).parents[3] / "examples" / "experiments"


def test_it_answers_until_it_is_ended() -> None:
    command = [sys.executable, "-c", "from modelrollout.cli import main; main()", "serve", "--port=0"]
    with subprocess.Popen(
        [*command, "-f", str(EXAMPLES / "segments.yaml")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
            body = json.dumps({"context": {"targetingKey": "42", "beta": True}}).encode()
            asked = urllib.request.Request(f"{address}/ofrep/v1/evaluate/flags/ranker", body, method="POST")  # noqa: S310
            with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
                assert json.load(answer)["value"] == "v8"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_file_that_is_wrong_or_not_there_is_said(run: Run, tmp_path: Path) -> None:
    ran = run("serve", "-f", str(tmp_path / "none.yaml"))
    assert (ran.code, ran.err) == (1, f"error: cannot read {tmp_path}/none.yaml: No such file or directory\n")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("experiments: [{name: a}]")
    ran = run("serve", "-f", str(wrong))
    assert ran.code == 1
    assert "experiments[0].unit: this field is required" in ran.err


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_token_is_no_token(run: Run, tmp_path: Path, text: str) -> None:
    token = tmp_path / "token"
    token.write_text(text)
    ran = run("serve", "-f", str(EXAMPLES / "segments.yaml"), "--token-file", str(token))
    assert (ran.code, "is empty" in ran.err) == (1, True)
