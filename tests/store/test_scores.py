from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.events.moments import to_microseconds
from lintel.store.scores import KEPT_DAYS, ScoreRow, ScoreStore

AS_OF = datetime(2026, 3, 1, 2, tzinfo=UTC)


def score(lead: str, priority: float, *, day: int = 0, bundle: str = "sha256:a") -> ScoreRow:
    as_of = AS_OF + timedelta(days=day)
    answer = {"lead_id": lead, "overall": {"priority": priority}, "name": "Ünï"}
    return ScoreRow(lead, as_of, 7, bundle, 3, priority, {"conversion": 0.5}, answer, as_of + timedelta(minutes=1))


@pytest.fixture
def scores(tmp_path: Path) -> Iterator[ScoreStore]:
    with ScoreStore.open(f"sqlite:///{tmp_path / 'state.db'}") as scores:
        yield scores


def leads(scores: ScoreStore, tenant: str, limit: int) -> list[str]:
    found, cursor = [], None
    while True:
        page = scores.page(tenant, limit=limit, cursor=cursor)
        found += [answer["lead_id"] for answer in page.leads]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_a_score_comes_back_whole(scores: ScoreStore) -> None:
    row = score("a", 0.1 + 0.2)
    scores.put("acme", [row])
    assert scores.latest("acme", "a") == row
    assert scores.history("acme", "a") == [row]
    assert scores.page("acme").leads == [row.answer]
    assert scores.latest("other", "a") is None
    assert scores.page("other").leads == []


def test_the_latest_score_is_that_of_the_newest_moment(scores: ScoreStore) -> None:
    scores.put("acme", [score("a", 0.5), score("b", 0.4)])
    scores.put("acme", [score("a", 0.1, day=1), score("a", 0.2, day=2), score("b", 0.9, day=-1)])
    latest = scores.latest("acme", "a")
    assert latest is not None
    assert latest.priority == 0.2
    assert [row.priority for row in scores.history("acme", "a")] == [0.5, 0.1, 0.2]
    assert leads(scores, "acme", 10) == ["b", "a"]


def test_scoring_the_same_moment_again_replaces_or_supersedes(scores: ScoreStore) -> None:
    scores.put("acme", [score("a", 0.5)])
    scores.put("acme", [score("a", 0.6)])
    assert [row.priority for row in scores.history("acme", "a")] == [0.6]
    scores.put("acme", [score("a", 0.7, bundle="sha256:b")])
    assert [row.priority for row in scores.history("acme", "a")] == [0.6, 0.7]
    assert leads(scores, "acme", 10) == ["a"]
    latest = scores.latest("acme", "a")
    assert latest is not None
    assert latest.bundle == "sha256:b"


def test_more_rows_than_fit_in_a_transaction(scores: ScoreStore) -> None:
    scores.put("acme", [score(f"lead{number % 150}", number / 1000, day=number // 150) for number in range(450)])
    assert len(leads(scores, "acme", 40)) == 150
    assert scores.page("acme", limit=1).leads[0]["lead_id"] == "lead149"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), max_size=20), st.integers(1, 7))
def test_pages_neither_skip_nor_repeat(
    tmp_path_factory: pytest.TempPathFactory, priorities: list[float], limit: int
) -> None:
    with ScoreStore.open(f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}") as scores:
        rows = [score(f"lead{number:02d}", priority) for number, priority in enumerate(priorities)]
        scores.put("acme", rows)
        wanted = sorted(rows, key=lambda row: (row.priority, row.lead_id), reverse=True)
        assert leads(scores, "acme", limit) == [row.lead_id for row in wanted]


@pytest.mark.parametrize("cursor", ["", "x", "W10", "bnVsbA", "WzEsIDJd", "é", "WyJhIiwgImIiXQ"])
def test_a_cursor_that_no_page_gave_is_refused(scores: ScoreStore, cursor: str) -> None:
    with pytest.raises(InputError, match="cursor"):
        scores.page("acme", cursor=cursor)


def test_other_sorts_and_empty_pages_are_refused(scores: ScoreStore) -> None:
    with pytest.raises(InputError):
        scores.page("acme", sort="name")
    with pytest.raises(InputError):
        scores.page("acme", limit=0)


def test_erasing_a_lead_removes_its_scores(scores: ScoreStore) -> None:
    scores.put("acme", [score("a", 0.5), score("a", 0.6, day=1), score("b", 0.4)])
    assert scores.erase("acme", "a") == 2
    assert (scores.history("acme", "a"), leads(scores, "acme", 10)) == ([], ["b"])


def past(scores: ScoreStore, *lead_ids: str, days: float = 14) -> dict[str, list[tuple[int, float]]]:
    since = AS_OF - timedelta(days=days)
    return scores.past("acme", "conversion", bundle="sha256:a", since=since, until=AS_OF, lead_ids=lead_ids or None)


def test_past_scores_are_those_of_the_bundle_in_the_window(scores: ScoreStore) -> None:
    days = [-20, -14, -3, -1, 0, 1]
    scores.put("acme", [score("a", 0.5, day=day) for day in days])
    scores.put("acme", [score("a", 0.5, day=-2, bundle="sha256:b"), score("b", 0.5, day=-2), score("c", 0.5, day=3)])
    found = past(scores, "a", "c")
    assert {lead: [probability for _, probability in scored] for lead, scored in found.items()} == {"a": [0.5] * 3}
    assert [to_microseconds(AS_OF + timedelta(days=day)) for day in (-14, -3, -1)] == [time for time, _ in found["a"]]
    assert set(past(scores)) == {"a", "b"}
    assert past(scores, "b", days=1) == {}
    since = AS_OF - timedelta(days=14)
    told = {"bundle": "sha256:a", "since": since, "until": AS_OF}
    assert scores.past("acme", "churn", **told) == scores.past("other", "conversion", **told) == {}


def test_past_scores_of_one_lead_are_found_by_its_key(scores: ScoreStore) -> None:
    """A request must not read all scores of the tenant."""
    with scores._database.read() as connection:
        statement = "SELECT 1 FROM scores WHERE tenant=? AND bundle=? AND as_of>=? AND as_of<? AND lead_id IN (?, ?)"
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("t", "b", 0, 9, "x", "y")).all()
    assert "tenant=? AND lead_id=? AND as_of>? AND as_of<?" in plan[0][-1]


def test_the_newest_ranking_of_the_bundle_that_was_there(scores: ScoreStore) -> None:
    def ranking(day: int, bundle: str = "sha256:a") -> tuple[datetime, dict] | None:
        return scores.ranking("acme", bundle, until=AS_OF + timedelta(days=day))

    assert ranking(0) is None
    for day, leads in ((0, 3), (2, 4), (2, 5)):
        scores.put_ranking("acme", AS_OF + timedelta(days=day), "sha256:a", {"leads": leads})
    assert ranking(-1) is None
    assert ranking(1) == (AS_OF, {"leads": 3})
    assert ranking(2) == ranking(9) == (AS_OF + timedelta(days=2), {"leads": 5})
    assert ranking(9, "sha256:b") is None
    assert scores.ranking("other", "sha256:a", until=AS_OF) is None


def test_what_is_older_than_half_a_year_is_forgotten_but_for_the_latest(scores: ScoreStore) -> None:
    old = [score("a", 0.5, day=-day) for day in range(KEPT_DAYS - 1, KEPT_DAYS + 450)]
    scores.put("acme", [*old, score("a", 0.6), score("b", 0.4, day=-900)])
    scores.put("other", [score("a", 0.5, day=-900), score("a", 0.5)])
    for day in (-900, -1):
        scores.put_ranking("acme", AS_OF + timedelta(days=day), "sha256:a", {})
    assert scores.forget("acme", AS_OF) == 449
    assert len(scores.history("acme", "a")) == 3  # 179 and 180 days old, and today's
    assert len(scores.history("acme", "b")) == 1
    assert len(scores.history("other", "a")) == 2
    assert scores.ranking("acme", "sha256:a", until=AS_OF - timedelta(days=2)) is None
    assert scores.ranking("acme", "sha256:a", until=AS_OF) is not None
    assert scores.forget("acme", AS_OF) == 0
