from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.voice.coaching.playbook import Playbook

CARD = "cards: [{id: a, category: closing, title: t, suggestion: s, %s}]"


def test_the_shipped_playbook_is_sound_and_holds_the_law() -> None:
    book = Playbook.load()
    laws = [card for card in book.cards if card.id.startswith("fair-housing")]
    assert {card.category for card in laws} == {"compliance"}
    assert {card.category for card in book.cards} == {"rapport", "objection", "qualification", "closing", "compliance"}
    assert {f"objection-{kind}" for kind in ("price", "timing", "trust", "authority", "competition", "features")} <= {
        card.id for card in book.cards
    }
    assert len(book.steps) >= 8


def test_a_team_cannot_take_the_law_away(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: Ours\n" + CARD % "when: {phrases: [hello]}")
    assert {card.id for card in Playbook.load(path).cards} > {"a", "fair-housing-safety"}
    path.write_text("name: Ours\n" + (CARD % "when: {phrases: [hello]}").replace("id: a", "id: fair-housing-safety"))
    with pytest.raises(InputError, match="fair-housing-safety"):
        Playbook.load(path)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("name: [", "not YAML"),
        ("- a", "dictionary"),
        ("cards: []", "name: Field required"),
        ("name: a\nwrong: 1", "wrong: Extra inputs"),
        ("name: a\n" + CARD % "when: {phrases: ['a (b']}", 'cards.0.when.phrases.0: "a (b" lacks a `)`'),
        ("name: a\n" + CARD % "when: {phrases: [5]}", "is no text"),
        ("name: a\n" + CARD % "when: {phrases: ['<area>']}", "names the list <area>"),
        ("name: a\n" + CARD % "when: {speaker: agent}", "names no phrase, meaning or insight"),
        ("name: a\n" + CARD % "link: 'javascript:alert(1)', when: {phrases: [a]}", "cards.0.link"),
        ("name: a\n" + CARD % "measure: {name: talk_share, speaker: agent}", "one of `above` and `below`"),
        ("name: a\n" + CARD % "measure: {name: talk_share, above: 1}", "needs a `speaker`"),
        ("name: a\n" + CARD % "severity: info", "needs one of `when` and `measure`"),
        ("name: a\nrates: {per_minute: 9}", "rates.per_minute"),
        (
            "name: a\nsteps: [{id: a, title: t, done: {phrases: [x]}}]\n" + CARD % "when: {phrases: [x]}",
            "ids stand twice: a",
        ),
        ("name: \xff", "not YAML"),
    ],
)
def test_a_wrong_playbook_says_where(content: str, place: str) -> None:
    with pytest.raises(InputError) as raised:
        Playbook.parse(content.encode("latin-1"), "own.yaml")
    assert place in str(raised.value)
    assert "own.yaml" in str(raised.value)


def test_only_so_much_is_read_and_told() -> None:
    with pytest.raises(InputError, match="larger than"):
        Playbook.parse(b"x" * 200_001, "own.yaml")
    many = "name: a\ncards: [" + ", ".join(["{id: A}"] * 30) + "]"
    with pytest.raises(InputError, match=r"And \d+ more"):
        Playbook.parse(many.encode(), "own.yaml")


def test_lists_of_words_are_written_out() -> None:
    book = Playbook.parse(
        b"name: a\nwords: {who: [you, you all]}\n" + (CARD % "when: {phrases: ['thank <who>']}").encode(), "x"
    )
    assert book.cards[0].when.phrases[0].source == "thank (you|you all)"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.yaml"):
        Playbook.load(tmp_path / "none.yaml")
