"""Every refusal has one form; what is wrong on our side is named by kind only."""

import json
import logging

import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError, StorageFullError, UnavailableError
from serving.problems import Fault, RequestError, not_ready, problem, problem_of


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    response = problem(422, "wrong-form", "It is wrong.", mend="Right it.", faults=[Fault("/a", "is missing")], seen=3)
    assert response.media_type == "application/problem+json"
    assert json.loads(response.body) == {
        "type": "urn:lintel:problem:wrong-form",
        "title": "Wrong form",
        "status": 422,
        "detail": "It is wrong.",
        "mend": "Right it.",
        "errors": [{"pointer": "/a", "detail": "is missing"}],
        "seen": 3,
    }


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (InputError("no"), 400, "invalid-input"),
        (NotFoundError("no"), 404, "not-found"),
        (IncompatibleError("no"), 409, "incompatible"),
        (RequestError(413, "body-too-large", "no"), 413, "body-too-large"),
    ],
)
def test_an_expected_error_keeps_its_status_and_name(error: InputError, status: int, slug: str) -> None:
    response = problem_of(error)
    body = json.loads(response.body)
    assert (response.status_code, body["status"], body["type"]) == (status, status, f"urn:lintel:problem:{slug}")
    assert body["detail"] == "no"


@pytest.mark.parametrize(("error", "status"), [(UnavailableError, 503), (StorageFullError, 507)])
def test_our_own_troubles_are_logged_and_not_told(
    error: type[UnavailableError], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = problem_of(error("The file /srv/lintel/events.db is locked."))
    assert response.status_code == status
    assert int(response.headers["Retry-After"]) > 0
    assert b"/srv" not in response.body
    assert "/srv/lintel/events.db" in caplog.text


def test_not_ready_says_when_to_ask_again() -> None:
    response = problem_of(not_ready("No model serves yet."))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert json.loads(response.body)["detail"] == "No model serves yet."
