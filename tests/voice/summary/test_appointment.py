import pytest

from lintel.voice.summary.appointment import appointments
from lintel.voice.transcript import AGENT, LEAD, Turn, Word


def call(*lines: str) -> list[Turn]:
    """Lines "a: ..." of the agent and "l: ..." of the lead."""
    turns = []
    for number, line in enumerate(lines):
        side, _, text = line.partition(": ")
        words = (Word(word, 20.0 * number + i, 20.0 * number + i + 0.5, 1.0) for i, word in enumerate(text.split()))
        turns.append(Turn(AGENT if side == "a" else LEAD, tuple(words)))
    return turns


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["a: How about Tuesday at five?", "l: Yes, that works."], "booked"),
        (["l: Tuesday would be good.", "a: Okay, your visit is scheduled."], "booked"),
        (["l: Thursday.", "a: I have booked you in for Thursday at noon."], "booked"),
        (["a: Perfect, see you on Saturday!"], "booked"),
        (["a: How about Tuesday at five?", "l: I am not sure about that."], "proposed"),
        (["a: How about Tuesday at five?", "l: Yes, but I have to ask my wife."], "proposed"),
        (["a: How about Tuesday?", "l: Sure.", "a: Sorry, I could not schedule that."], "proposed"),
        (["a: Your visit is scheduled for Tuesday.", "l: Good.", "a: Oh, unfortunately it did not go through."], None),
        (["a: Is your visit booked for Tuesday?"], None),
        (["a: I will call you on Tuesday once your visit is booked."], None),
        (["a: Your visit is booked."], None),
        (["l: It is too expensive.", "a: I see."], None),
        ([], None),
    ],
)
def test_booked_is_only_what_was_said_to_be(lines: list[str], status: str | None) -> None:
    claims = list(appointments(call(*lines)))
    assert [claim.status for claim in claims] == ([status] if status else [])


def test_the_last_booking_counts() -> None:
    turns = call("a: Shall we say Tuesday?", "l: Yes.", "l: Oh wait.", "a: How about Friday then?", "l: Perfect.")
    (claim,) = appointments(turns)
    assert claim.quote == "How about Friday then?"
    assert (claim.turn, claim.speaker, claim.start) == (3, AGENT, 60.0)
