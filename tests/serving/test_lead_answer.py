"""The described answer has every field that the library gives, and its example is one."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from cli.score_text import score_text
from lintel.scoring.comparison import Comparison, nightly_comparison
from lintel.scoring.counterfactual import ACTIONS, Counterfactual
from lintel.scoring.explanation import Reason
from lintel.scoring.grading import Grade
from lintel.scoring.lesser_answers import LAST_SCORE, LIGHT_MODEL, PRIOR
from lintel.scoring.trend import Trend
from lintel.store.tenants import Tenant
from serving import lead_answer, model
from serving.lead_answer import EXAMPLE, LeadAnswer
from serving.openapi import schema_of

NOW = datetime(2012, 2, 20, 1, tzinfo=UTC)


def test_the_example_is_a_whole_answer() -> None:
    example = msgspec.convert(EXAMPLE, LeadAnswer, strict=True)
    left_out = {name for name in LeadAnswer.__struct_fields__ if getattr(example, name) is msgspec.UNSET}
    assert left_out == {"simulated", "outcome", "closed_at", "merged_into", "error", "age_seconds", "not_told"}
    assert json.loads(msgspec.json.encode(example)) == EXAMPLE


def test_rank_and_trend_are_described() -> None:
    ranked = nightly_comparison([EXAMPLE], Tenant("acme", labels="crm"), NOW, {}).of(EXAMPLE)
    unranked = Comparison(None, None, {}, "because").of(EXAMPLE)
    assert ranked.keys() | unranked.keys() <= set(lead_answer.Overall.__struct_fields__)
    for told in (ranked, unranked):
        msgspec.convert(told, lead_answer.Overall)
    properties = schema_of(lead_answer.Overall)["properties"]
    assert set(properties["grade"]["enum"]) == set(Grade)
    assert set(properties["band"]["enum"]) == {grade.band for grade in Grade}
    assert set(properties["trend"]["enum"]) == set(Trend)


def test_reasons_and_counterfactuals_are_described() -> None:
    reason = Reason("conversion", "one call", ("call_completed_count_all",), np.float64(0.5).item()).to_json()
    told = Counterfactual(ACTIONS[0], 0.6, 0.7, 0.65, 0.75).to_json()
    assert set(reason) == set(lead_answer.ReasonAnswer.__struct_fields__)
    assert set(told) == set(lead_answer.CounterfactualAnswer.__struct_fields__)
    msgspec.convert(told, lead_answer.CounterfactualAnswer)


def test_people_are_shown_the_whole_example() -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(score_text(EXAMPLE))
    shown = " ".join(console.export_text().split())
    for words in (
        "grade: A, call today (above 97.2 % of 399 open leads)",
        "trend: improving",
        "not known: the lead has not said when it wants to move",
        "conversion 0.63, base rate 41%: +0.74 we last answered the lead after 4 minutes (typical: 9 hours)",
        "what would help conversion: a booked viewing would move 0.63 to 0.71 (what usually becomes of leads",
    ):
        assert words in shown


def test_every_rung_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/fallback.md").read_text(encoding="utf-8")
    described = json.dumps(schema_of(LeadAnswer)["properties"]["served_by"])
    for rung in (model.CHAMPION, model.CANARY, model.PREVIOUS, model.BAKED, LIGHT_MODEL, LAST_SCORE, PRIOR):
        assert f"| `{rung}` |" in page
        assert rung in described
