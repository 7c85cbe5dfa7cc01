from dataclasses import replace

import pytest

from lintel.errors import InputError
from lintel.features.catalogue import build_catalogue, catalogue
from lintel.features.fairness import denied_words
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANY, OUTCOMES, WAITS

VIEWS = Feature(
    "view_count_7d",
    Aggregation.COUNT,
    ("web.listing_view",),
    Unit.COUNT,
    "number of listings seen in the last 7 days",
    "listings seen in the last 7 days",
    window_days=7,
)
RATE = replace(
    VIEWS, name="rate", aggregation=Aggregation.CONTEXT_LEVEL, kinds=(), measure="mortgage_rate", window_days=None
)
AMOUNT = replace(VIEWS, name="amount_last", aggregation=Aggregation.LAST, kinds=("offer.sent",), measure="value")
DIMENSIONS = {"intent", "timing", "budget", "conversion", "churn", "engagement"}


def test_there_are_enough_features_and_each_says_what_it_is() -> None:
    assert 150 <= len(catalogue()) <= 300
    for feature in catalogue().features:
        assert feature.meaning
        assert feature.label
        assert feature.missing.startswith(("0", "absent = NaN", "never absent"))
        assert (feature.monotone or {}).keys() <= DIMENSIONS
        assert set((feature.monotone or {}).values()) <= {-1, 1}


def test_labels_and_definitions_are_not_repeated() -> None:
    features = catalogue().features
    assert len({feature.label for feature in features}) == len(features)
    definitions = {str({**feature.definition, "name": ""}) for feature in features}
    assert len(definitions) == len(features)


def test_every_aggregation_is_used() -> None:
    assert {feature.aggregation for feature in catalogue().features} == set(Aggregation)


def test_no_feature_reads_an_outcome() -> None:
    read = {kind for feature in catalogue().features for kind in (*feature.kinds, *feature.against)}
    assert not read & OUTCOMES
    assert not set(ANY) & OUTCOMES


def test_an_event_ends_at_most_one_sort_of_wait() -> None:
    answers = [kind for _, answering in WAITS for kind in answering]
    assert len(answers) == len(set(answers))


def test_the_digest_follows_definitions_and_not_words() -> None:
    digest = build_catalogue([VIEWS]).digest
    assert build_catalogue([replace(VIEWS, label="other words")]).digest == digest
    assert build_catalogue([replace(VIEWS, window_days=14)]).digest != digest
    assert build_catalogue([VIEWS, AMOUNT]).digest != build_catalogue([AMOUNT, VIEWS]).digest


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (replace(VIEWS, name="lead_age"), "protected attribute .age"),
        (replace(VIEWS, label="views by postcode"), "protected attribute .postcode"),
        (replace(VIEWS, kinds=("web.dance",)), "not a registered kind"),
        (replace(VIEWS, kinds=("deal.won",)), "an outcome"),
        (replace(VIEWS, kinds=()), "reads no kinds"),
        (replace(VIEWS, window_days=0), "empty window"),
        (replace(VIEWS, aggregation=Aggregation.SUM), "has no measure"),
        (replace(VIEWS, aggregation=Aggregation.EXCESS), "nothing to be set against"),
        (replace(VIEWS, aggregation=Aggregation.SHARE, against=("web.visit",)), "no part of"),
        (replace(VIEWS, aggregation=Aggregation.TREND, baseline_days=7), "not longer"),
        (replace(AMOUNT, measure="weight"), "unknown measure"),
        (replace(AMOUNT, kinds=("offer.sent", "call.completed")), "no single way"),
        (replace(AMOUNT, aggregation=Aggregation.EQUALS), "no level"),
        (replace(RATE, measure="rents"), "unknown measure"),
        (replace(RATE, measure="hour"), "unknown measure"),
        (replace(RATE, measure=None), "no measure"),
        (replace(RATE, aggregation=Aggregation.SEASON), "unknown measure"),
        (replace(RATE, aggregation=Aggregation.CONTEXT_GROWTH), "no window"),
    ],
)
def test_a_faulty_declaration_is_refused_by_name(faulty: Feature, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        build_catalogue([faulty])
    assert faulty.name in str(refused.value)


def test_a_name_declared_twice_is_refused() -> None:
    with pytest.raises(InputError, match="declared twice"):
        build_catalogue([VIEWS, VIEWS])


PROTECTED = """race, colour, religion, sex, disability, familial status, national origin, age, surname, language, photo,
zip, lead_age, ZIP code, country_of_origin, lead.last-name, has_children"""


@pytest.mark.parametrize("text", PROTECTED.replace("\n", " ").split(", "))
def test_protected_attributes_are_denied(text: str) -> None:
    assert denied_words(text)


@pytest.mark.parametrize(
    "text", ["lead_tenure", "message", "stage", "average price", "page views", "traced", "pricing"]
)
def test_words_that_merely_contain_a_denied_word_are_fine(text: str) -> None:
    assert denied_words(text) == ()
