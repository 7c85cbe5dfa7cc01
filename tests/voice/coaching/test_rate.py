from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.coaching.playbook import CardRule, Rates
from lintel.voice.coaching.rate import Limiter

RULES = [
    CardRule(
        id=f"{severity}-{category}",
        category=category,
        severity=severity,
        title="t",
        suggestion="s",
        cool_down_s=cool_down,
        when={"phrases": ["hello"]},
    )
    for severity, category, cool_down in (
        ("info", "rapport", 30.0),
        ("info", "closing", 0.0),
        ("warning", "objection", 20.0),
        ("warning", "closing", 0.0),
        ("critical", "compliance", 5.0),
    )
]
OFFERS = st.lists(st.tuples(st.floats(0, 40), st.sampled_from(range(len(RULES)))), max_size=40)


@given(OFFERS, st.sampled_from([Rates(), Rates(per_minute=1), Rates(quiet_after_objection_s=0)]))
def test_cards_are_admitted_as_the_books_say(offers: list[tuple[float, int]], rates: Rates) -> None:
    limiter, books, at = Limiter(rates), [], 0.0
    for wait, which in offers:
        at += wait
        card = RULES[which]
        expected = may_be_shown(card, at, books, rates)
        assert limiter.admits(card, at) == expected
        if expected:
            books.append((at, card))
    calm = [when for when, card in books if card.severity != "critical"]
    assert all(sum(start <= when < start + 60 for when in calm) <= rates.per_minute for start in calm)


def may_be_shown(card: CardRule, at: float, books: list[tuple[float, CardRule]], rates: Rates) -> bool:
    """The rules, read off the list of all cards that were shown."""
    if any(shown.id == card.id and at < when + card.cool_down_s for when, shown in books):
        return False
    if card.severity == "critical":
        return True
    if any(shown.category == "objection" and at < when + rates.quiet_after_objection_s for when, shown in books):
        return False
    recent = sum(at - 60 < when for when, shown in books if shown.severity != "critical")
    return recent < (rates.per_minute - 1 if card.severity == "info" and rates.per_minute > 1 else rates.per_minute)
