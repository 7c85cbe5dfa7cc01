"""Gates and what followed from them, in words: for Dagster, the command line and reports. Pure."""

from collections.abc import Sequence

from lintel.registry.gates import GateResult
from lintel.registry.lifecycle import ModelState, State
from lintel.registry.policy import Ruling, rule

_CHAMPION_GATE = "beats_champion"


def ruling(state: ModelState) -> str:
    """One sentence on why a version stands where it does, as far as its gates say."""
    if state.state is State.CHAMPION:
        return "it is the champion already"
    if state.state is State.RETIRED:
        return "it was retired: a person may bring it back, if it was ever approved"
    if not state.gates:
        return "its gates were not judged yet"
    against_champion = next((one.sentence for one in state.gates if one.name == _CHAMPION_GATE), "")
    decided = rule(state.gates, state.risk)
    if state.state is State.REJECTED and decided.ruling is not Ruling.REJECTED:
        return "not its gates rejected it, but a person or its rollout: the audit log says why"
    if state.state is State.REJECTED or decided.reason == against_champion:
        return decided.reason
    return against_champion if state.state is not State.PENDING else f"{against_champion}; {decided.reason}"


def gates_markdown(gates: Sequence[GateResult]) -> str:
    """A table of all gates."""
    if not gates:
        return "No gate was judged."
    head = "| gate | | verdict | figure | bound | |\n|---|---|---|---|---|---|"
    return "\n".join([head, *(f"| {' | '.join(cells)} |" for cells in map(gate_cells, gates))])


def gate_cells(one: GateResult) -> tuple[str, ...]:
    """Name, hard or soft, verdict, figure, bound and sentence."""
    figures = ("" if value is None else f"{value:.3g}" for value in (one.figure, one.bound))
    return (one.name, "hard" if one.hard else "soft", one.verdict, *figures, one.sentence.replace("|", "/"))
