"""The deny-list: how fields are really called, and what must not be caught."""

import pytest

from lintel.events.kinds import kinds
from lintel.features.fairness import denied_words


@pytest.mark.parametrize(
    "text",
    [
        "dateOfBirth", "DATE-OF-BIRTH", "DOB", "maritalStatus", "postalCode", "ZIP5", "lead.lastName", "full_name",
        "household_size", "number of dependents", "ages", "religions", "preferred languages", "disabilities", "avatar",
        "ethnicities of area", "Hispanic", "husband", "mother_tongue", "visaStatus", "salutation",
    ],
)  # fmt: skip
def test_fields_as_crms_call_them_are_denied(text: str) -> None:
    assert denied_words(text)


@pytest.mark.parametrize(
    "text",
    ["contactId", "dateAdded", "pageViews", "sizes", "message class", "leadSource", "stageName", "pipelineStages"],
)
def test_other_fields_of_a_crm_are_not(text: str) -> None:
    assert denied_words(text) == ()


def test_no_number_of_an_event_is_a_protected_attribute() -> None:
    for kind in kinds().values():
        for measure in filter(None, (kind.value, *kind.attributes)):
            assert denied_words(measure.meaning) == (), kind.name
