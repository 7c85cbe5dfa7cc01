"""`GET /v1/leads`: pages that neither skip nor repeat, and bounds."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest

from lintel.home import Home
from lintel.store.state import ScoreRow
from tests.serving.clients import NOW, OTHER, TENANT, Client
from tests.serving.counting import DIGEST

COUNT = 57


def put(home: Home, tenant: str, numbers: range, days: int = 0) -> None:
    """Scores with ties: three leads share each priority."""
    rows = [
        ScoreRow(
            lead_id=f"lead-{number:03}",
            as_of=NOW - timedelta(days=days),
            seq=1,
            bundle=DIGEST,
            model_version=1,
            priority=(number // 3) / 100 - days,
            probabilities={},
            answer={"lead_id": f"lead-{number:03}", "overall": {"priority": (number // 3) / 100 - days}},
            scored_at=NOW,
        )
        for number in numbers
    ]
    home.scores.put(tenant, rows)


@pytest.fixture
def scored(client: Client, home: Home) -> Client:
    put(home, TENANT, range(COUNT), days=1)
    put(home, TENANT, range(COUNT))
    put(home, OTHER, range(100, 110))
    return client


@pytest.mark.parametrize("limit", [1, 10, 57, 200])
def test_pages_hold_every_lead_once_by_falling_priority(scored: Client, limit: int) -> None:
    leads, cursor = [], None
    while True:
        page = scored.get("/v1/leads", params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["leads"]) <= limit
        leads += page["leads"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(one["lead_id"] for one in leads) == [f"lead-{number:03}" for number in range(COUNT)]
    priorities = [one["overall"]["priority"] for one in leads]
    assert priorities == sorted(priorities, reverse=True)


def test_pages_stay_right_while_new_scores_come_in(scored: Client, home: Home) -> None:
    first = scored.get("/v1/leads", params={"limit": 20}).json()
    put(home, TENANT, range(900, 903))
    rest = scored.get("/v1/leads", params={"limit": 200, "cursor": first["next_cursor"]}).json()
    found = [one["lead_id"] for one in first["leads"] + rest["leads"]]
    assert sorted(found) == [f"lead-{number:03}" for number in range(COUNT)]


def test_a_tenant_without_scores_has_an_empty_page(client: Client) -> None:
    assert client.get("/v1/leads").json() == {"leads": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "ten"},
        {"sort": "name"},
        {"cursor": "x" * 4_001},
        {"tenant": OTHER},
    ],
)
def test_parameters_have_bounds(client: Client, query: dict[str, str]) -> None:
    response = client.get("/v1/leads", params=query)
    assert (response.status_code, response.json()["type"]) == (422, "urn:lintel:problem:wrong-parameter")
    fault = response.json()["errors"][0]
    assert (fault["in"], fault["name"]) == ("query", next(iter(query)))
    assert fault["detail"]


def test_a_cursor_that_was_tampered_with_is_refused(scored: Client) -> None:
    cursor = scored.get("/v1/leads", params={"limit": 5}).json()["next_cursor"]
    nested = urlsafe_b64encode(b"[" * 2_900).decode()
    for tampered in ("", "nonsense", cursor[:-4], cursor[::-1], "e30", "W251bGwsIDFd", nested):
        response = scored.get("/v1/leads", params={"cursor": tampered})
        assert response.status_code == 400, tampered
        assert response.json()["type"] == "urn:lintel:problem:invalid-input"
