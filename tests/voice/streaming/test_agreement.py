from collections.abc import Sequence
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.streaming.agreement import Agreement, aligned, spoken
from lintel.voice.transcript import Word
from tests.voice.streaming.hearing import TEXTS, hypotheses, spaced


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


def test_a_word_is_committed_when_two_hypotheses_in_a_row_say_it() -> None:
    agreement = Agreement()
    first = agreement.hear(spaced(["We", "want", "two"]))
    assert (texts(first.committed), texts(first.tentative)) == ([], ["We", "want", "two"])
    second = agreement.hear(spaced(["We", "want", "to", "view"]))
    assert (texts(second.committed), texts(second.tentative)) == (["We", "want"], ["to", "view"])
    third = agreement.hear(spaced(["We", "want", "to", "view", "it."]))
    assert (texts(third.committed), texts(third.tentative)) == (["to", "view"], ["it."])


def test_punctuation_and_case_are_no_disagreement_and_the_newer_spelling_counts() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["the", "house"]))
    assert texts(agreement.hear(spaced(["The", "house,", "yes"])).committed) == ["The", "house,"]


def test_a_hypothesis_that_misses_or_changes_committed_words_adds_only_what_follows_them() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["one", "two", "three"]))
    agreement.hear(spaced(["one", "two", "three"]))
    assert texts(agreement.hear(spaced(["two", "tree", "four"])).tentative) == ["four"]
    assert texts(agreement.hear(spaced(["one", "two", "three", "four"])).committed) == ["four"]


def test_a_repeated_word_is_not_taken_for_the_one_committed_before() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["very"]))
    agreement.hear(spaced(["very"]))
    agreement.hear(spaced(["very", "very", "nice"]))
    assert texts(agreement.settle().committed) == ["very", "nice"]


def test_the_rest_of_a_word_that_the_cut_went_through_is_not_said_twice() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["sold", "it."]))
    agreement.hear(spaced(["sold", "it.", "Now"]))
    agreement.cut(0.4)
    assert texts(agreement.hear(spaced(["it.", "Now"], start=0.4)).committed) == ["Now"]


def test_the_same_word_said_again_after_a_cut_is_said_twice() -> None:
    agreement = Agreement()
    agreement.hear_last(spaced(["yes."]))
    agreement.cut(0.5)
    assert texts(agreement.hear(spaced(["yes."], start=0.6)).tentative) == ["yes."]


def test_only_words_that_end_before_a_time_are_settled() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["a", "b", "c"]))
    update = agreement.settle_before(0.5)
    assert (texts(update.committed), texts(update.tentative)) == (["a", "b"], ["c"])


def test_what_has_no_letters_is_compared_as_it_is() -> None:
    assert spoken("House,") == "house"
    assert spoken("-") == "-"


def test_a_word_that_changes_with_every_look_holds_nothing_back_for_ever() -> None:
    agreement = Agreement()
    agreement.hear(spaced(["a", "suspected", "to", "be"]))
    agreement.hear(spaced(["as", "expected", "to", "be", "one"]))
    late = agreement.hear(spaced(["or", "suspected", "to", "be", "one", "of"]), past=0.5)
    assert texts(late.committed) == ["or", "suspected", "to", "be", "one"], (
        "what is alike behind the dispute counts too"
    )
    assert texts(late.tentative) == ["of"]


def test_one_hypothesis_alone_counts_for_nothing_however_old_its_words_are() -> None:
    agreement = Agreement()
    assert agreement.hear(spaced(["you"]), past=9.0).committed == ()
    agreement.hear([])
    assert agreement.hear(spaced(["you"]), past=9.0).committed == ()


@given(st.lists(st.tuples(hypotheses(), st.floats(0, 6)), max_size=8))
def test_no_word_waits_longer_than_it_may_and_none_is_lost(heard: list[tuple[list[Word], float]]) -> None:
    agreement, committed = Agreement(), list[Word]()
    for words, past in heard:
        looked_before = bool(agreement.tentative)
        update = agreement.hear(words, past)
        committed += update.committed
        assert agreement.within == tuple(committed), "what was committed stays"
        new = texts([*update.committed, *update.tentative])
        assert new == texts(words)[len(words) - len(new) :], "of the hypothesis, only a beginning is known before"
        assert not looked_before or all(word.end > past for word in update.tentative)
        assert looked_before or not update.committed
    times = [time for word in committed for time in (word.start, word.end)]
    assert times == sorted(times)


@given(st.lists(hypotheses(), max_size=8), st.floats(0, 5))
def test_committed_words_stay_and_times_ascend(heard: list[list[Word]], floor: float) -> None:
    agreement = Agreement(floor)
    committed: list[Word] = []
    for words in heard:
        before = agreement.tentative
        update = agreement.hear(words)
        new = [spoken(text) for text in texts(update.committed)]
        assert new == [spoken(text) for text in texts(before)][: len(new)], "agreed with the hypothesis before"
        committed += update.committed
        assert agreement.within == tuple(committed)
    committed += agreement.settle().committed
    assert agreement.tentative == ()
    times = [floor] + [time for word in committed for time in (word.start, word.end)]
    assert times == sorted(times)


@given(st.lists(st.lists(TEXTS, max_size=6), max_size=8))
def test_words_are_those_of_a_naive_local_agreement(tails: list[list[str]]) -> None:
    """Hypotheses that repeat what is committed and go on freely, against slices and a loop."""
    agreement, committed, before = Agreement(), list[str](), list[str]()
    for tail in tails:
        said = texts(agreement.hear(spaced([*committed, *tail])).committed)
        count = 0
        while count < min(len(before), len(tail)) and spoken(before[count]) == spoken(tail[count]):
            count += 1
        assert said == tail[:count]
        committed, before = committed + tail[:count], tail[count:]
    assert texts(agreement.settle().committed) == before


@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=5))
def test_alignment_is_the_prefix_of_least_edit_distance(committed: list[str], heard: list[str]) -> None:
    @cache
    def distance(left: int, right: int) -> int:
        if not left or not right:
            return left + right
        same = committed[left - 1] == heard[right - 1]
        return min(
            distance(left - 1, right - 1) + (not same), distance(left - 1, right) + 1, distance(left, right - 1) + 1
        )

    length = aligned(committed, heard)
    assert distance(len(committed), length) == min(distance(len(committed), end) for end in range(len(heard) + 1))
