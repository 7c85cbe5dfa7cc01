"""Which way scores move when one thing about a lead is changed, in simulated brokerages, beside the way that is true.

    python -m benchmarks.directions [--worlds demo heldout_1] [--leads 1500] [--cases 400] [--json]

A bundle is trained on one history of each world. In another, open leads are asked about twice as of the same moment:
as they are, and with one thing changed. The simulator tells the true probability of both. Printed are, for each change,
the share of leads whose score moves the stated way, the worst movement against it, and both of the truth.

What is changed, and what is true of it in the simulator:
- `replies sooner`: the lead's answer to a touch comes within the hour, and not after the as-of time. True of intent and
  engagement.
- `books a viewing`: a lead that has seen none books its first. True of conversion; of intent but for a few very hot
  leads, for which the days until the appointment cost more than the step is worth. (A lead that has seen homes already,
  or negotiates, falls back by it in this world: it is not asked. Nor is engagement: nobody touches it until then.)
- `states a budget`, and the same inside its last message: nothing changes in truth, for this world draws it at random.
  That the score rises is what people expect of real leads, not what is learnt here.
- `opts out`: the episode is over, so no touch is answered. A rule, not learnt (`lintel.scoring.opt_out`).
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lintel.events.columns import Queries, columns_from_table
from lintel.events.kinds import kinds
from lintel.events.schema import SIGNALS, SIGNALS_TYPE, TIME
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.language.signals import signals
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.scorer import Scorer
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset, truth
from lintel.sources.simulator.causes import REPLY_KINDS, TOUCH_KINDS
from lintel.sources.simulator.clock import TickClock, tick_clock
from lintel.sources.simulator.states import LATER_DAYS
from lintel.sources.simulator.world import Stage
from lintel.store.log import TenantLog
from lintel.store.tenants import Tenant

WORLDS, DAYS, TRAINED_ON, ASKED_ON = ("demo", "heldout_1"), 730, 5, 100
NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
SHORTLY = HOUR // 12
"""Before the as-of time, in µs."""
NOISE = 1e-9

Float64 = NDArray[np.float64]
Row = dict[str, Any]
"""An event; times in UTC µs."""


@dataclass(frozen=True, slots=True)
class Past:
    """One simulated history of the first brokerage of a world."""

    world: str
    tenant: Tenant
    examples: Examples
    rows: Mapping[str, list[Row]]  # of each lead, by time
    schema: pa.Schema

    @property
    def clock(self) -> TickClock:
        return tick_clock(self.tenant.time_zone)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a lead at `as_of`, and the same with one thing changed."""

    as_of: int
    before: list[Row]
    after: list[Row]


@dataclass(frozen=True, slots=True)
class Change:
    """`cases` finds leads to which it can be done; `moves` are the dimensions, and the way in which each moves."""

    cases: Callable[[Past, np.random.Generator], Iterator[Case]]
    moves: Mapping[str, int]


def past(name: str, seed: int, leads: int, days: int = DAYS) -> Past:
    """A history with the signals of its texts, as the store would have written them."""
    world = preset(name)
    source = Simulator(world, world.tenants[0].id, seed=seed, leads=leads, days=days)
    tenant = source.tenant_settings()
    events = pa.concat_tables(check(batch.events, tenant=tenant.id, now=NOW).events for batch in source.batches())
    texts, kind = events.column("text").to_pylist(), events.column("kind").to_pylist()
    events = events.append_column("signals", pa.array(list(map(_signals, texts, kind)), SIGNALS_TYPE))
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    log = TenantLog(tenant, lead_ids, columns, max(events.column("known_at").to_pylist()))
    return Past(name, tenant, build_examples(log, seed=1), _by_lead(events), events.schema)


def event(known: Sequence[Row], kind: str, at: int, *, text: str | None = None, **fields: Any) -> Row:
    """One more event of the lead whose events are `known`."""
    same = {name: known[-1][name] for name in ("tenant", "lead_id", "episode_id", "agent_id", "source")}
    told = {"kind": kind, "actor": kinds()[kind].actor.value, "occurred_at": at, "known_at": at, "text": text}
    return dict.fromkeys(known[-1]) | same | told | {"signals": _signals(text, kind)} | fields


def asked_about(past: Past, random: np.random.Generator) -> Iterator[tuple[int, list[Row]]]:
    """As-of time and known events of open leads without an appointment ahead, one decision point each; none of them
    has just done something, or has events that are known late."""
    queries, seen = past.examples.points.queries, set()
    for point in random.permutation(len(queries)).tolist():
        lead, as_of = past.examples.lead_ids[queries.lead[point]], int(queries.as_of[point])
        so_far = [row for row in past.rows[lead] if row["occurred_at"] <= as_of]
        quiet = so_far and so_far[-1]["occurred_at"] < as_of - SHORTLY
        if lead in seen or not quiet or any(row["known_at"] > as_of for row in so_far):
            continue
        seen.add(lead)
        if _stage(so_far) != Stage.BOOKED:
            yield as_of, so_far


def replies_sooner(past: Past, random: np.random.Generator) -> Iterator[Case]:
    """Asked within eight hours of a touch that is answered after that; the answer comes within the first of them."""
    for lead in random.permutation(sorted(past.rows)).tolist():
        rows = past.rows[lead]
        for touch, reply in _answered(rows):
            as_of = touch + min((reply - touch) * 3 // 4, 8 * HOUR)
            sooner = touch + min(HOUR, (as_of - touch) // 2)
            moved = [row | _at(sooner) if row["occurred_at"] == reply else row for row in rows]
            yield Case(as_of, _known(rows, as_of), _known(moved, as_of))
            break


def books_a_viewing(past: Past, random: np.random.Generator) -> Iterator[Case]:
    for as_of, known in asked_about(past, random):
        if _stage(known) > Stage.ENGAGED:
            continue
        at = as_of - SHORTLY
        due_at = past.clock.due_at(at, LATER_DAYS)
        booked = event(known, "appointment.booked", at, channel="sms", object_id="imagined", due_at=due_at)
        yield Case(as_of, known, [*known, booked, event(known, "stage.changed", at, value=float(Stage.BOOKED))])


def states_a_budget(past: Past, random: np.random.Generator) -> Iterator[Case]:
    for as_of, known in asked_about(past, random):
        stated = event(known, "budget.stated", as_of - SHORTLY, channel="sms", value=_amount(known))
        yield Case(as_of, known, [*known, stated])


def stated_a_budget_in_its_message(past: Past, random: np.random.Generator) -> Iterator[Case]:
    for as_of, known in asked_about(past, random):
        messages = [row for row in known if row["kind"] in REPLY_KINDS]
        if messages and all(row["kind"] != "budget.stated" for row in known):
            last = messages[-1]
            stated = event(known, "budget.stated", last["occurred_at"], channel=last["channel"], value=_amount(known))
            yield Case(as_of, known, [*known, stated])


def opts_out(past: Past, random: np.random.Generator) -> Iterator[Case]:
    for as_of, known in asked_about(past, random):
        withdrawn = event(known, "consent.withdrawn", as_of - SHORTLY, channel="sms", text="STOP")
        yield Case(as_of, known, [*known, withdrawn])


CHANGES: Mapping[str, Change] = {
    "replies sooner": Change(replies_sooner, {"intent": 1, "engagement": 1}),
    "books a viewing": Change(books_a_viewing, {"intent": 1, "conversion": 1}),
    "states a budget": Change(states_a_budget, {"intent": 1}),
    "stated a budget in its message": Change(stated_a_budget_in_its_message, {"intent": 1}),
    "opts out": Change(opts_out, {"engagement": -1}),
}


def some_cases(past: Past, change: Change, count: int, seed: int = 1) -> list[Case]:
    """At most `count`, each of another lead."""
    return [case for case, _ in zip(change.cases(past, np.random.default_rng(seed)), range(count), strict=False)]


def table(leads: Sequence[list[Row]], schema: pa.Schema) -> tuple[pa.Table, list[str]]:
    """The events of n leads under new ids, and these ids."""
    lead_ids = [f"case-{number:05d}" for number in range(len(leads))]
    rows = [
        row | {"lead_id": lead_id, "event_id": f"{lead_id}-{number}"}
        for lead_id, own in zip(lead_ids, leads, strict=True)
        for number, row in enumerate(own)
    ]
    arrays = []
    for field in schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(
                pa.array(values, pa.int64()).cast(TIME) if field.type == TIME else pa.array(values, field.type)
            )
    return pa.table(arrays, names=schema.names), lead_ids


def scored(scorer: Scorer, past: Past, leads: Sequence[list[Row]], as_of: NDArray[np.int64]) -> Mapping[str, Float64]:
    """Probabilities of leads with these events, by dimension."""
    events, lead_ids = table(leads, past.schema)
    columns = columns_from_table(events, pa.array(lead_ids))
    queries = Queries(np.arange(len(leads), dtype=np.int32), as_of)
    found = scorer.score(columns, queries, utc_offsets(past.tenant.time_zone)).dimensions
    return {name: one.probability for name, one in found.items()}


def true(past: Past, leads: Sequence[list[Row]], as_of: NDArray[np.int64]) -> Mapping[str, Float64]:
    """True probabilities; NaN where the question is not asked any more."""
    return truth(preset(past.world), past.tenant.id, *table(leads, past.schema), as_of)


def movements(scorer: Scorer, past: Past, change: Change, cases: Sequence[Case]) -> dict[str, dict[str, Float64]]:
    """By dimension, how far score and truth of each case move the stated way."""
    as_of = np.array([case.as_of for case in cases], np.int64)
    before, after = [case.before for case in cases], [case.after for case in cases]
    score = scored(scorer, past, before, as_of), scored(scorer, past, after, as_of)
    right = true(past, before, as_of), true(past, after, as_of)
    return {
        name: {"score": sign * (score[1][name] - score[0][name]), "truth": sign * (right[1][name] - right[0][name])}
        for name, sign in change.moves.items()
        if name in scorer.ready
    }


def figures(moved: Mapping[str, Float64]) -> dict[str, Any]:
    """Shares that move the stated way, and not against it; the worst, and the mean; of the truth, too."""
    told: dict[str, Any] = {"cases": len(moved["score"])}
    for name, values in moved.items():
        known = values[~np.isnan(values)]
        if not len(known):
            told[name] = None
            continue
        told[name] = {
            "stated_way": round(float(np.mean(known > NOISE)), 4),
            "not_against": round(float(np.mean(known >= -NOISE)), 4),
            "worst": round(float(known.min()), 4),
            "mean": round(float(known.mean()), 4),
        }
    return told


def trained(past: Past, hyperparameters: Hyperparameters | None = None) -> Bundle:
    labels = load_label_set("simulator")
    return train(past.examples, labels, catalogue(), scope="directions", seed=1, hyperparameters=hyperparameters)


def examined(world: str, leads: int, count: int) -> dict[str, Any]:
    """All figures of one world, by change and dimension."""
    scorer, asked = trained(past(world, TRAINED_ON, leads)).scorer, past(world, ASKED_ON, leads)
    found: dict[str, Any] = {}
    for name, change in CHANGES.items():
        moved = movements(scorer, asked, change, some_cases(asked, change, count))
        found[name] = {dimension: figures(one) for dimension, one in moved.items()}
    return found


def _signals(text: str | None, kind: str) -> Row | None:
    if text is None:
        return None
    found = signals(text, kind)
    return {name: getattr(found, name) for name in ("version", *SIGNALS)}


def _by_lead(events: pa.Table) -> dict[str, list[Row]]:
    for position, field in enumerate(events.schema):
        if field.type == TIME:
            events = events.set_column(position, field.name, events.column(field.name).cast(pa.int64()))
    found: dict[str, list[Row]] = {}
    for row in events.sort_by([("lead_id", "ascending"), ("occurred_at", "ascending")]).to_pylist():
        found.setdefault(row["lead_id"], []).append(row)
    return found


def _known(rows: Sequence[Row], as_of: int) -> list[Row]:
    return [row for row in rows if row["occurred_at"] <= as_of and row["known_at"] <= as_of]


def _at(time: int) -> Row:
    return {"occurred_at": time, "known_at": time}


def _amount(known: Sequence[Row]) -> float:
    """What the lead asked for when it came."""
    return next(float(row["value"]) for row in known if row["kind"] in {"form.submitted", "lead.profile"})


def _stage(known: Sequence[Row]) -> float:
    return next((row["value"] for row in reversed(known) if row["kind"] == "stage.changed"), float(Stage.NEW))


def _answered(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Touch and answer, at least three hours apart, of leads that neither have an appointment nor negotiate."""
    touch = None
    for number, row in enumerate(rows):
        kind, time = row["kind"], row["occurred_at"]
        if kind in TOUCH_KINDS:
            touch = time
        elif kind in REPLY_KINDS or kind == "form.submitted":
            stage = _stage([one for one in rows[:number] if one["occurred_at"] < time])
            calm = stage in {Stage.CONTACTED, Stage.ENGAGED, Stage.VIEWED} and row["known_at"] == time
            if touch is not None and calm and time - touch >= 3 * HOUR:
                yield touch, time
            touch = None
        elif kind.startswith(("deal.", "appointment.")):
            touch = None


def shown(world: str, found: Mapping[str, Any]) -> Table:
    table = Table("change", "dimension", "cases", "way", "not against", "worst", "mean", "true way", "not against",
                  "worst", title=f"{world} (simulated)")  # fmt: skip
    for change, dimensions in found.items():
        for name, one in dimensions.items():
            score, right = one["score"], one["truth"] or dict.fromkeys(("stated_way", "not_against", "worst"), np.nan)
            told = [score["stated_way"], score["not_against"], score["worst"], score["mean"]]
            told += [right["stated_way"], right["not_against"], right["worst"]]
            table.add_row(change, name, str(one["cases"]), *(f"{figure:.3f}" for figure in told))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--leads", type=int, default=1_500, help="of each history")
    parser.add_argument("--cases", type=int, default=400, help="leads asked about for each change")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console, found = Console(stderr=arguments.json, width=150), {}
    for world in track(arguments.worlds, "worlds", console=Console(stderr=True), transient=True):
        found[world] = examined(world, arguments.leads, arguments.cases)
        console.print(shown(world, found[world]))
    if arguments.json:
        print(json.dumps({"simulated": True, "leads": arguments.leads, "worlds": found}))


if __name__ == "__main__":
    main()
