"""Captured scrapes say what was asked, and hold what a preset needs and nothing of this run alone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.captures.asking import Asked, Unexpected, ask, told
from dev.captures.serving import families

ASKED = (
    Asked(30, "/predict", 200, "good", {"word": "good"}),
    Asked(6, "/predict", 500, "that raise", {"word": "wrong"}),
    Asked(20, "/livez", 200),
)
SCRAPE = """\
# HELP python_info About Python.
# TYPE python_info gauge
python_info{version="3"} 1.0
# HELP asked_total Requests.
# TYPE asked_total counter
asked_total{path="/predict",session="a1"} 36.0
asked_total{session="a1",path="/livez"} 20.0
asked_created{path="/predict"} 1.7e9
# HELP unasked_total Nothing.
# TYPE unasked_total counter
"""


def test_the_first_lines_say_where_a_scrape_comes_from_and_what_was_asked() -> None:
    assert told("Captured from a server.", ASKED) == (
        "# Captured from a server. It was asked\n# POST /predict: 30 good, 6 that raise (500);\n# GET /livez: 20.\n"
    )


def test_what_is_of_the_interpreter_of_this_run_or_of_no_series_is_left_out() -> None:
    assert families(SCRAPE, "python_", "", frozenset({"session"})) == (
        "# HELP asked_total Requests.\n"
        "# TYPE asked_total counter\n"
        'asked_total{path="/predict"} 36.0\n'
        'asked_total{path="/livez"} 20.0\n'
    )


def test_only_the_families_that_are_asked_for_are_kept() -> None:
    assert families(SCRAPE, "nothing", "python_") == (
        '# HELP python_info About Python.\n# TYPE python_info gauge\npython_info{version="3"} 1.0\n'
    )


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers everything with 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_another_answer_than_the_first_lines_say_ends_a_capture(port: int) -> None:
    ask(port, [Asked(2, "/livez", 200)])
    with pytest.raises(Unexpected, match="200 instead of 404"):
        ask(port, [Asked(1, "/other", 404)])
