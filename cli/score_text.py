"""One lead's answer for people: what it is worth, who says so as of when, each dimension, and the reasons."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.output import table

Answer = Mapping[str, Any]


def score_text(answer: Answer) -> RenderableType:
    """A sentence for a closed lead; else the head, the table and, if they were asked for, the reasons."""
    lines = [*_head(answer)]
    if answer.get("status") == "closed":
        lines.insert(0, f"Lead {answer['lead_id']} is closed and not scored: {_outcome(answer)}.")
        return Text("\n".join(lines))
    shown = table(f"lead {answer['lead_id']}", ("dimension", "probability", "interval", "definition"), _rows(answer))
    reasons = [Text("\n".join(_reasons(answer)))] if "reasons" in answer else []
    return Group(shown, Text("\n".join(lines)), *reasons)


def _outcome(answer: Answer) -> str:
    return f"{answer['outcome'] or 'its outcome is not known'}, at {answer['closed_at']}"


def _head(answer: Answer) -> Iterator[str]:
    overall, model = answer.get("overall", {}), answer["model"]
    if "priority" in overall:
        yield f"priority: {overall['priority']:.2f} ({overall['formula']})"
    elif overall:
        yield f"priority: {_without_number(overall)}"
    yield f"as of: {answer['as_of']} (clock: {answer['clock']})"
    simulated = "; simulated" if answer.get("simulated") else ""
    yield f"model: {model['name']} version {model['version']}; served by: {answer['served_by']}{simulated}"
    if "merged_into" in answer:
        yield f"merged into: {answer['merged_into']}"


def _rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    for name, value in answer.get("dimensions", {}).items():
        definition = value.get("definition", value.get("reason", ""))
        if "probability" in value:
            low, high = value["interval"]
            interval = f"{low:.2f}-{high:.2f} ({value['level']:.0%})"
            yield (name, f"{value['probability']:.2f}", interval, f"{definition}{_days(value)}")
        else:
            yield (name, _without_number(value), "", definition)


def _days(value: Mapping[str, Any]) -> str:
    """How long it takes, where that was asked; what lies beyond the curve is not in sight."""
    if "median_days" not in value:
        return ""
    low, high, median = (
        "not in sight" if one is None else f"{one:g} days" for one in (*value["band_days"], value["median_days"])
    )
    return f"; median {median}, from {low} to {high}"


def _without_number(value: Mapping[str, Any]) -> str:
    words = str(value.get("status", "")).replace("_", " ")
    return f"{words}: needs {value['needs']}" if "needs" in value else words


def _reasons(answer: Answer) -> Iterator[str]:
    yield "reasons (log odds):" if answer["reasons"] else "reasons: none stands out"
    for reason in answer["reasons"]:
        yield f"  {reason['log_odds']:+.2f} {reason['dimension']}: {reason['text']}"
