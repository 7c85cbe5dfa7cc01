from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.streaming.turns import PAUSE_S, YIELD_S, Turns
from lintel.voice.transcript import Turn, Word

SPEAKERS = ("agent", "lead")


def word(start: float, end: float, text: str = "w") -> Word:
    return Word(text, start, end, 1.0)


def heard(until: float) -> dict[str, float]:
    return dict.fromkeys(SPEAKERS, until)


def test_a_turn_ends_when_another_begins_in_its_pause() -> None:
    turns = Turns(SPEAKERS)
    turns.add("agent", [word(0, 1), word(1, 2)])
    turns.add("lead", [word(2.6, 3)])
    assert turns.close(heard(2.4)) == []
    assert turns.close(heard(2.8)) == [Turn("agent", (word(0, 1), word(1, 2)))]
    assert turns.close_all() == [Turn("lead", (word(2.6, 3),))]


def test_a_turn_ends_with_a_long_pause() -> None:
    turns = Turns(SPEAKERS)
    turns.add("agent", [word(0, 1)])
    assert turns.close(heard(1 + PAUSE_S)) == []
    assert turns.close(heard(1.1 + PAUSE_S)) == [Turn("agent", (word(0, 1),))]
    assert turns.close_all() == []


def test_a_word_slipped_in_ends_nothing() -> None:
    turns = Turns(SPEAKERS)
    turns.add("agent", [word(0, 1), word(1.2, 2)])
    turns.add("lead", [word(1.1, 1.3, "mm-hm")])
    assert [turn.speaker for turn in turns.close_all()] == ["agent", "lead"]


def test_the_open_turn_is_what_was_said_since_the_last_break() -> None:
    turns = Turns(SPEAKERS)
    assert turns.open("agent") is None
    turns.add("agent", [word(0, 1), word(4, 5), word(5, 6)])
    assert turns.open("agent") == Turn("agent", (word(4, 5), word(5, 6)))


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, list[Word]]:
    said = {}
    for speaker in SPEAKERS:
        steps = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=12))
        at, words = 0.0, []
        for pause, length in steps:
            at += pause / 4
            words.append(word(at, at + length / 4))
            at += length / 4
        said[speaker] = words
    return said


def naive(said: dict[str, list[Word]]) -> list[Turn]:
    turns = []
    for speaker, words in said.items():
        others = [other.start for name, spoken in said.items() if name != speaker for other in spoken]
        current: list[Word] = []
        for one in words:
            pause = one.start - current[-1].end if current else 0.0
            begun = any(current[-1].end <= time < one.start for time in others) if current else False
            if current and (pause > PAUSE_S or (pause >= YIELD_S and begun)):
                turns.append(Turn(speaker, tuple(current)))
                current = []
            current.append(one)
        if current:
            turns.append(Turn(speaker, tuple(current)))
    return sorted(turns, key=lambda turn: (turn.start, turn.speaker))


@given(conversations(), st.lists(st.tuples(st.sampled_from(SPEAKERS), st.integers(1, 3)), max_size=20))
def test_turns_do_not_depend_on_when_words_become_known(
    said: dict[str, list[Word]], deliveries: list[tuple[str, int]]
) -> None:
    turns, given_out = Turns(SPEAKERS), []
    waiting = {speaker: list(words) for speaker, words in said.items()}
    for speaker, count in [*deliveries, *((speaker, 100) for speaker in SPEAKERS)]:
        turns.add(speaker, waiting[speaker][:count])
        del waiting[speaker][:count]
        given_out += turns.close({name: words[0].start if words else 100.0 for name, words in waiting.items()})
    given_out += turns.close_all()
    assert sorted(given_out, key=lambda turn: (turn.start, turn.speaker)) == naive(said)
