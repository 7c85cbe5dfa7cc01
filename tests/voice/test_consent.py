import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.voice.consent import STATES, Consent, State

BOTH = ("agent", "lead")


def test_all_parties_must_agree_by_default() -> None:
    consent = Consent.unknown(BOTH)
    assert (consent.state, consent.missing) == ("unknown", BOTH)
    consent = consent.said("agent", "granted")
    assert (consent.granted, consent.missing) == (False, ("lead",))
    consent = consent.said("lead", "granted")
    assert (consent.granted, consent.missing) == (True, ())


def test_one_party_is_enough_where_the_policy_says_so_but_a_refusal_still_counts() -> None:
    consent = Consent.unknown(BOTH, "one_party").said("agent", "granted")
    assert consent.granted
    assert consent.said("lead", "refused").state == "refused"


def test_who_refuses_may_agree_later_but_who_withdraws_may_not() -> None:
    refused = Consent.unknown(("lead",)).said("lead", "refused")
    assert refused.said("lead", "granted").granted
    withdrawn = refused.said("lead", "granted").said("lead", "refused")
    assert withdrawn.state == "withdrawn"
    assert withdrawn.said("lead", "granted").state == "withdrawn"


def test_telling_is_not_agreeing() -> None:
    consent = Consent.unknown(BOTH).told()
    assert consent.disclosed
    assert not consent.granted


@pytest.mark.parametrize(("speaker", "state"), [("driver", "granted"), ("lead", "maybe")])
def test_unknown_speakers_and_states_are_refused(speaker: str, state: str) -> None:
    with pytest.raises(InputError):
        Consent.unknown(BOTH).said(speaker, state)


@given(st.sampled_from(["all_party", "one_party"]), st.lists(st.tuples(st.sampled_from(BOTH), st.sampled_from(STATES))))
def test_nothing_is_heard_against_anybodys_last_word(policy: str, sayings: list[tuple[str, State]]) -> None:
    consent = Consent.unknown(BOTH, "all_party" if policy == "all_party" else "one_party")
    last: dict[str, str] = dict.fromkeys(BOTH, "unknown")
    ever_withdrawn = False
    for speaker, state in sayings:
        ever_withdrawn |= state == "withdrawn" or (last[speaker] == "granted" and state != "granted")
        consent, last[speaker] = consent.said(speaker, state), state
        agreed = list(last.values()).count("granted")
        enough = agreed == 2 if policy == "all_party" else agreed >= 1
        assert consent.granted == (enough and "refused" not in last.values() and not ever_withdrawn)
        assert not (consent.granted and consent.missing)
