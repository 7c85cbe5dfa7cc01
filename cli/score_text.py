"""One lead's answer for people: what it is worth, who says so as of when, each dimension, and why."""

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
    lines += _gaps(answer)
    if "reasons" in answer:
        lines += [*_reasons(answer), *_counterfactual(answer)]
    return Group(shown, Text("\n".join(lines)))


def _outcome(answer: Answer) -> str:
    return f"{answer['outcome'] or 'its outcome is not known'}, at {answer['closed_at']}"


def _head(answer: Answer) -> Iterator[str]:
    overall, model = answer.get("overall", {}), answer["model"]
    if "priority" in overall:
        yield f"priority: {overall['priority']:.2f} ({overall['formula']})"
    elif overall:
        yield f"priority: {_without_number(overall)}"
    yield from _rank(overall)
    yield f"as of: {answer['as_of']} (clock: {answer['clock']})"
    simulated = "; simulated" if answer.get("simulated") else ""
    yield f"model: {model['name']} version {model['version']}; served by: {answer['served_by']}{simulated}"
    if "merged_into" in answer:
        yield f"merged into: {answer['merged_into']}"


def _rank(overall: Mapping[str, Any]) -> Iterator[str]:
    if "grade" in overall:
        leads = overall["ranked_among"]["open_leads"]
        place = f"above {overall['percentile']:g} % of {leads} open leads"
        yield f"grade: {overall['grade']}, {overall['band']} ({place})"
    elif "not_ranked" in overall:
        yield f"grade: none ({overall['not_ranked']})"
    if "trend" in overall:
        yield f"trend: {overall['trend'].replace('_', ' ')}"


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


def _gaps(answer: Answer) -> Iterator[str]:
    for key, words in (("missing", "not known"), ("out_of_range", "beyond training")):
        told = "; ".join(one["text"] for one in answer.get(key, ()))
        if told:
            yield f"{words}: {told}"


def _reasons(answer: Answer) -> Iterator[str]:
    yield "reasons (log odds):" if answer["reasons"] else "reasons: none stands out"
    for name, value in answer["dimensions"].items():
        own = [one for one in answer["reasons"] if one["dimension"] == name]
        if own:
            yield f"  {name} {value['probability']:.2f}, base rate {value['base_rate']:.0%}:"
        for reason in own:
            yield f"    {reason['log_odds']:+.2f} {reason['text']}"


def _counterfactual(answer: Answer) -> Iterator[str]:
    told = answer.get("counterfactual")
    if told:
        yield f"what would help {told['dimension']}: {told['text']} ({told['note']})"
