import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cli.replay_page import (
    LEFT,
    WIDTH,
    ReplayData,
    ReplayEvent,
    ReplayReason,
    ReplayScore,
    ReplayStep,
    replay_html,
)

HOUR = 3_600_000_000
START = 1_328_000_000_000_000
_VOID = {"meta", "input", "br"}


def _event(hour: int, kind: str = "sms.inbound", actor: str = "lead", known_after: int = 0) -> ReplayEvent:
    at = START + hour * HOUR
    return ReplayEvent(
        at, at + known_after * HOUR, kind, kind.split(".", maxsplit=1)[0], actor, "a message", "length: 3 minutes"
    )


def _step(hour: int, probability: float, *reasons: ReplayReason, trigger: str = "event") -> ReplayStep:
    scores = {
        "conversion": ReplayScore(probability, probability - 0.05, probability + 0.05),
        "intent": ReplayScore(None, status="already_answered"),
    }
    return ReplayStep(START + hour * HOUR, trigger, scores, reasons)


@pytest.fixture
def data() -> ReplayData:
    calls = ReplayReason("conversion", "2 calls in the last 7 days", ("calls_7d", "calls_30d"), 0.5)
    more = ReplayReason("conversion", "3 calls in the last 7 days", ("calls_7d",), 0.9)
    idle = ReplayReason("conversion", "time since the last reply: 4 days", ("reply_recency",), -0.4)
    return ReplayData(
        tenant="acme",
        lead_id="lead-1",
        time_zone="America/Denver",
        simulated=False,
        events=(_event(0), _event(5, "email.sent", "agent"), _event(30, "stage.changed", "system", known_after=10)),
        steps=(
            _step(0, 0.2),
            _step(5, 0.4, calls),
            _step(24, 0.4, calls, idle, trigger="nightly"),
            _step(40, 0.7, more),
        ),
        dimensions={"intent": "takes a step within 14 days", "conversion": "won within 90 days"},
        base_rates={"conversion": 0.3},
        undefined={"budget": "not defined for this source"},
        outcome="The deal was won",
        outcome_at=START + 60 * HOUR,
        level=0.9,
        model={"name": "lead-scoring.acme", "version": "7", "bundle": "sha256:abc", "labels": "crm/1"},
    )


def _points(page: str) -> list[dict]:
    return json.loads(re.search(r'<script type="application/json" id="points">(.*?)</script>', page, re.DOTALL)[1])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def _parsed(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    return tags


def test_the_page_is_whole_and_asks_nothing_of_a_network(data) -> None:
    page = replay_html(data)
    tags = _parsed(page)
    assert tags.open == []
    assert {name for name, _ in tags.attributes}.isdisjoint({"src", "href", "srcset", "action", "onclick", "onload"})
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest", page)


def test_everything_is_said(data) -> None:
    text = _parsed(replay_html(data)).text
    said = [
        "Lead lead-1",
        "Tenant acme",
        "Nothing after this moment was used",
        "The deal was won",
        "won within 90 days",
    ]
    said += ["takes a step within 14 days", "not defined for this source", "sha256:abc", "crm/1", "length: 3 minutes"]
    said += ["2012-01-31 01:53:20 MST", "known since"]
    assert [one for one in said if one not in text] == []


def test_simulated_data_is_labelled(data) -> None:
    assert "Simulated." not in replay_html(data)
    assert "Simulated." in replay_html(replace(data, simulated=True))


def test_an_open_lead_has_no_outcome(data) -> None:
    page = replay_html(replace(data, outcome=None, outcome_at=None))
    assert "Still open at the end of the log" in page
    assert 'class="outcome"' not in page
    assert 'class="outcome"' in replay_html(data)


def test_what_people_wrote_cannot_become_markup(data) -> None:
    hostile = "</script><script>alert(1)</script><b>\"'"
    event = replace(data.events[0], meaning=hostile, detail=hostile)
    reason = ReplayReason("conversion", hostile, ("f",), 1.0)
    steps = (data.steps[0], replace(data.steps[1], reasons=(reason,)))
    page = replay_html(replace(data, lead_id=hostile, events=(event,), steps=steps))
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    assert _points(page)[1]["scores"]["conversion"]["why"][0]["text"] == hostile


def test_points_are_the_steps_in_order(data) -> None:
    points = _points(replay_html(data))
    assert [point["instant"] for point in points] == [step.as_of for step in data.steps]
    places = [point["x"] for point in points]
    assert places == sorted(places)
    assert LEFT <= places[0] < places[-1] < WIDTH
    assert [point["trigger"] for point in points] == [
        "after an event",
        "after an event",
        "nightly run",
        "after an event",
    ]
    assert list(points[0]["scores"]) == ["intent", "conversion"]


def test_scores_show_their_band_and_their_move(data) -> None:
    first, second, *_ = (point["scores"] for point in _points(replay_html(data)))
    assert first["intent"] == {"status": "already_answered"}
    assert first["conversion"]["moved"] is None
    assert second["conversion"]["moved"] == pytest.approx(0.2)
    assert (second["conversion"]["low"], second["conversion"]["high"]) == pytest.approx((0.35, 0.45))


def test_changes_tell_which_reasons_grew_came_and_went(data) -> None:
    points = [point["scores"]["conversion"]["changes"] for point in _points(replay_html(data))]
    assert [(one["text"], one["push"]) for one in points[1]] == [("2 calls in the last 7 days", 0.5)]
    assert [(one["text"], one["push"]) for one in points[2]] == [("time since the last reply: 4 days", -0.4)]
    assert [(one["text"], round(one["push"], 6)) for one in points[3]] == [
        ("3 calls in the last 7 days", 0.4),
        ("no longer: time since the last reply: 4 days", 0.4),
    ]


def test_an_event_leads_to_the_first_step_that_knew_it(data) -> None:
    page = replay_html(data)
    marks = re.findall(r'class="mark (\w+)"[^>]*data-step="(\d+)"', page)
    assert marks == [("lead", "0"), ("agent", "1"), ("system", "3")]


def test_line_and_band_hold_until_the_next_step(data) -> None:
    page = replay_html(data)
    lines = re.findall(r'class="score" d="([^"]*)"', page)
    assert lines[0] == ""  # intent is never scored
    assert lines[1].count("H") == len(data.steps)
    assert lines[1].count("M") == 1


def test_a_single_moment_can_be_shown(data) -> None:
    page = replay_html(replace(data, events=data.events[:1], steps=data.steps[:1], outcome=None, outcome_at=None))
    (point,) = _points(page)
    assert LEFT <= point["x"] < WIDTH


@pytest.mark.parametrize("empty", [{"events": ()}, {"steps": ()}])
def test_nothing_to_show(data, empty) -> None:
    with pytest.raises(ValueError, match="at least one event and one step"):
        replay_html(replace(data, **empty))


def test_the_same_data_give_the_same_page(data) -> None:
    assert replay_html(data) == replay_html(data)


def test_an_event_long_after_the_outcome_does_not_squeeze_the_scores(data) -> None:
    late = replace(data, events=(*data.events, _event(100_000)))
    assert _svg(replay_html(late)) == _svg(replay_html(data))


def test_one_event_is_not_told_as_many(data) -> None:
    page = replay_html(replace(data, events=data.events[:1], steps=data.steps[:1]))
    assert "1 event · 1 moment scored" in page


def test_years_are_named_on_a_long_axis(data) -> None:
    long = replace(data, steps=(*data.steps, _step(24 * 400, 0.5)), outcome=None, outcome_at=None)
    assert re.search(r">\w{3} \d+ 2012<", replay_html(long))


def _svg(page: str) -> str:
    return page[page.index("<svg") : page.index("</svg>")]
