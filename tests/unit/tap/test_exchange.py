"""Which answer belongs to which request, and when a connection is free."""

import pytest

from modelrollout.tap.exchange import NO_ANSWER, Exchange, Watcher

ASK = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: m\r\nX-Request-Id: %d\r\nContent-Length: 4\r\n\r\nabcd"
ANSWER = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok"


class Desk:
    def __init__(self, limit: int = 100) -> None:
        self.time = 0.0
        self.done: list[Exchange] = []
        self.watcher = Watcher(limit, limit, lambda: self.time, self.done.append)

    def ask(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.watcher.requests(piece)

    def answer(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.watcher.responses(piece)


def test_answers_belong_to_requests_in_their_order() -> None:
    desk = Desk()
    desk.ask(ASK % 1 + ASK % 2)
    desk.time = 2.0
    desk.answer(ANSWER % 200)
    assert not desk.watcher.idle
    desk.answer(ANSWER % 500)
    assert [(one.request.get("x-request-id"), one.status) for one in desk.done] == [("1", 200), ("2", 500)]
    assert (desk.done[0].began, desk.done[0].ended) == (0.0, 2.0)
    assert bytes(desk.done[0].asked.data) == b"abcd"
    assert bytes(desk.done[0].answered.data) == b"ok"
    assert desk.watcher.idle
    assert desk.watcher.reusable


def test_content_is_kept_up_to_the_limit_and_counted_beyond() -> None:
    desk = Desk(limit=3)
    desk.ask(ASK % 1)
    desk.answer(ANSWER % 200)
    asked = desk.done[0].asked
    assert (bytes(asked.data), asked.size, asked.whole) == (b"abc", 4, False)
    assert desk.done[0].answered.whole


def test_an_interim_answer_is_not_the_answer() -> None:
    desk = Desk()
    desk.ask(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    desk.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert desk.done == []
    desk.ask(b"x")
    desk.answer(ANSWER % 200)
    assert [one.status for one in desk.done] == [200]


def test_an_answer_before_the_request_is_complete_leaves_the_connection_busy() -> None:
    desk = Desk()
    desk.ask(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
    desk.answer(ANSWER % 413)
    assert [(one.status, one.asked.whole) for one in desk.done] == [(413, False)]
    assert not desk.watcher.idle


def test_a_server_that_closes_leaves_requests_unanswered() -> None:
    desk = Desk()
    desk.ask(ASK % 1 + ASK % 2)
    desk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    desk.watcher.server_closed(left=False)
    assert [(one.status, one.answered.whole) for one in desk.done] == [(200, False), (NO_ANSWER, False)]
    assert not desk.watcher.reusable


def test_a_caller_that_went_away_is_not_counted_against_the_server() -> None:
    desk = Desk()
    desk.ask(ASK % 1)
    desk.watcher.server_closed(left=True)
    assert [one.left for one in desk.done] == [True]


def test_the_end_of_the_connection_ends_an_answer_without_a_length() -> None:
    desk = Desk()
    desk.ask(ASK % 1)
    desk.answer(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    assert desk.done == []
    desk.watcher.server_closed(left=False)
    assert desk.done[0].answered.whole
    assert not desk.watcher.reusable


@pytest.mark.parametrize(("left", "broken"), [(True, False), (False, True)])
def test_an_answer_without_a_length_that_is_cut_off_is_not_whole(left: bool, broken: bool) -> None:
    desk = Desk()
    desk.ask(ASK % 1)
    desk.answer(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    desk.watcher.server_closed(left=left, broken=broken)
    assert (desk.done[0].answered.whole, desk.done[0].left) == (False, left)


def test_a_connection_that_either_side_wants_closed_is_not_used_again() -> None:
    for ask, answer in (
        (ASK.replace(b"Host", b"Connection: close\r\nHost"), ANSWER),
        (ASK, ANSWER.replace(b"Content", b"Connection: x, Close\r\nContent")),
        (ASK.replace(b"1.1", b"1.0"), ANSWER),
    ):
        desk = Desk()
        desk.ask(ask % 1)
        desk.answer(answer % 200)
        assert desk.watcher.idle
        assert not desk.watcher.reusable


def test_other_protocols_are_not_looked_at() -> None:
    for ask, answer, why in (
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00\x00", "http2"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"", "protocol"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n\x81\x00", "upgrade"),
        (b"", b"HTTP/1.1 200 OK\r\n\r\n", "protocol"),
    ):
        desk = Desk()
        desk.ask(ask)
        desk.answer(answer)
        assert desk.watcher.blind == why
        assert not desk.watcher.idle
        desk.ask(b"more")
        desk.answer(b"more")
        assert desk.done == []


def test_whether_another_answer_may_be_given_in_its_place() -> None:
    desk = Desk()
    assert not desk.watcher.unanswered
    desk.ask(ASK % 1)
    assert desk.watcher.unanswered
    desk.answer(b"HTTP/1.1 2")
    assert not desk.watcher.unanswered
