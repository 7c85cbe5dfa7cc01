from pathlib import Path

import pytest

from benchmarks.coaching import FAIR_HOUSING, OBJECTION, Line, agent_turns, by_key_words, coached, corpus, shares
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.transcript import AGENT, LEAD

BOOK = Playbook.load()


def test_every_line_of_the_corpus_has_a_label_that_a_card_could_have() -> None:
    lines = corpus()
    rules = {card.id for card in BOOK.cards}
    assert len(lines) == len({line.text for line in lines}) == 120
    for line in lines:
        assert line.label in {"none", FAIR_HOUSING} or line.label in rules
        assert line.speaker == (LEAD if line.label.startswith(OBJECTION) else line.speaker)


def test_the_coach_and_the_key_words_tell_what_they_hear() -> None:
    steers, dear = (
        Line(AGENT, FAIR_HOUSING, "it is a safe neighborhood"),
        Line(LEAD, "objection-price", "too expensive"),
    )
    for reader in (coached(BOOK), by_key_words):
        assert reader(steers) == {FAIR_HOUSING}
        assert reader(dear) == {"objection-price"}
        assert reader(Line(AGENT, "none", "it has two bedrooms")) == set()
    assert by_key_words(Line(AGENT, "none", "there is a gun safe")) == {FAIR_HOUSING}


def test_shares_count_lines_for_recall_and_cards_for_precision() -> None:
    labels = ["objection-price", "objection-price", "objection-trust", "none", FAIR_HOUSING]
    lines = [Line(LEAD, label, str(i)) for i, label in enumerate(labels)]
    found = [{"objection-price", "objection-trust"}, set(), {"objection-trust"}, {"objection-price"}, {FAIR_HOUSING}]
    told = shares(OBJECTION, lines, found)
    assert (told["recall"]["hits"], told["recall"]["of"]) == (2, 3)
    assert (told["precision"]["hits"], told["precision"]["of"]) == (2, 4)
    assert told["precision"]["interval"] == pytest.approx([0.150, 0.850], abs=1e-3)
    assert shares(FAIR_HOUSING, lines, found)["recall"]["share"] == 1.0
    assert shares(FAIR_HOUSING, lines, [set()] * 5)["precision"]["share"] is None


def test_without_a_mirror_there_are_no_turns(tmp_path: Path) -> None:
    assert agent_turns(tmp_path) == []
