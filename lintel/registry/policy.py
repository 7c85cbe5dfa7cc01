"""Who may let a version answer: the gates alone, or a person, and which person. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import normalize

from lintel.errors import RefusedError
from lintel.registry.actor import Actor, ActorKind
from lintel.registry.gates import GateResult
from lintel.registry.risk import Risk


class Ruling(StrEnum):
    """What follows from the gates; the names of the states they lead to."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decided:
    """A ruling, and one sentence that says why."""

    ruling: Ruling
    reason: str


def rule(gates: Sequence[GateResult], risk: Risk) -> Decided:
    """What the gates and the risk class say. Gates that could not be judged do not stop anybody; they are told."""
    hard = [one for one in gates if one.hard and one.passed is False]
    soft = [one for one in gates if not one.hard and one.passed is False]
    if hard or not gates:
        return Decided(Ruling.REJECTED, _told(hard) if hard else "No gate was judged.")
    if risk is Risk.HIGH:
        return Decided(Ruling.PENDING, f"The risk class is high: a person decides. {_told(soft)}".strip())
    if soft:
        return Decided(Ruling.PENDING, f"A person decides. {_told(soft)}")
    open_gates = [one.name for one in gates if one.passed is None]
    unjudged = f"; not judged: {', '.join(open_gates)}" if open_gates else ""
    return Decided(Ruling.APPROVED, f"All gates passed ({risk} risk{unjudged}).")


def check_approver(approver: Actor, involved: Sequence[Actor], *, what: str) -> None:
    """Four eyes: a person approves, and none of the persons who trained or registered it.

    What a machine trained may be approved by any one person. Names are compared without regard to case, spaces and
    the form of their letters. Raises RefusedError.
    """
    if approver.kind is not ActorKind.PERSON:
        raise RefusedError(
            f"{what} waits for a person; {approver.name!r} is a machine and approves nothing.",
            mend="Ask somebody to look at its gates: `lintel models gates`.",
        )
    persons = {_known_as(one) for one in involved if one.kind is ActorKind.PERSON}
    if _known_as(approver) in persons:
        raise RefusedError(
            f"{approver.name!r} trained or registered {what[0].lower()}{what[1:]} and cannot approve it.",
            mend="Ask somebody else: four eyes.",
        )


def _known_as(actor: Actor) -> str:
    return " ".join(normalize("NFKC", actor.name).casefold().split())


def _told(gates: Sequence[GateResult]) -> str:
    return " ".join(one.sentence for one in gates)
