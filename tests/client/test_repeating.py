"""When a request is sent again, decided without sending anything."""

import json
from typing import Any

import pytest

from sendook_lite.client.errors import Conflict, Refused, ServerFailed, TooMany, Unreachable
from sendook_lite.client.repeating import LONGEST_PAUSE, Patience, Pause
from sendook_lite.client.request import Answer, Request, get, post

LOST = Unreachable("lost")
YES = Answer(200, {}, b"{}")


def answer(status: int, code: str = "x", **headers: str) -> Answer:
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, lower, json.dumps({"message": "No", "code": code}).encode())


class Played:
    """What is sent and waited for when the far end says these things, one after the other."""

    def __init__(self, request: Request[Any], *replies: Answer | Unreachable) -> None:
        self.sent: list[Request[Any]] = []
        self.pauses: list[float] = []
        self.answer: Answer | None = None
        self.error: Exception | None = None
        keys = iter(["one", "two"])
        steps = Patience(3, lambda: 1.0, lambda: next(keys)).steps(request)
        left = iter(replies)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    step = steps.send(None)
                else:
                    self.sent.append(step)
                    step = steps.send(next(left))
        except StopIteration as done:
            self.answer = done.value
        except (Refused, Unreachable) as error:
            self.error = error


def test_a_lost_connection_is_tried_again_after_longer_and_longer_pauses() -> None:
    played = Played(get("inboxes"), LOST, LOST, LOST, YES)
    assert played.answer is YES
    assert played.pauses == [0.5, 1, 2]


def test_there_is_an_end_to_trying() -> None:
    played = Played(get("inboxes"), LOST, LOST, LOST, LOST, YES)
    assert played.error is LOST
    assert len(played.sent) == 4


def test_a_post_keeps_its_idempotency_key() -> None:
    played = Played(post("inboxes"), LOST, answer(503), YES)
    assert [each.headers["Idempotency-Key"] for each in played.sent] == ["one"] * 3


def test_nothing_but_a_post_carries_a_key() -> None:
    assert "Idempotency-Key" not in Played(get("inboxes"), YES).sent[0].headers


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_later_is_tried_again(status: int) -> None:
    assert Played(get("x"), answer(status), YES).answer is YES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500])
def test_a_no_is_final(status: int) -> None:
    played = Played(post("x"), answer(status), YES)
    assert isinstance(played.error, Refused)
    assert len(played.sent) == 1


def test_the_first_time_may_still_be_under_way() -> None:
    played = Played(post("x"), answer(409, "idempotency_key_in_use", retry_after="1"), YES)
    assert played.answer is YES
    assert played.pauses == [1]


def test_what_was_done_already_is_told() -> None:
    played = Played(post("webhooks"), LOST, answer(409, "already_done"))
    assert isinstance(played.error, Conflict)
    assert played.error.code == "already_done"


def test_the_server_says_how_long_to_wait() -> None:
    assert Played(get("x"), answer(503, retry_after="7"), YES).pauses == [7]


def test_who_is_told_to_wait_for_long_gets_the_error_at_once() -> None:
    seconds = str(int(LONGEST_PAUSE) + 1)
    played = Played(post("x"), answer(429, retry_after=seconds), YES)
    assert isinstance(played.error, TooMany)
    assert played.error.retry_after == LONGEST_PAUSE + 1
    assert played.pauses == []


def test_an_answer_that_is_not_json_is_an_error_of_its_status() -> None:
    played = Played(get("x"), *[Answer(502, {}, b"<html>")] * 4)
    assert isinstance(played.error, ServerFailed)
    assert played.error.code == "http_502"
