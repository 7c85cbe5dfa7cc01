"""Words that no feature may name: protected attributes under the US Fair Housing Act, and their plain proxies.

Source: 42 U.S.C. 3604 (race, colour, religion, sex, disability, familial status, national origin), and the proxies
that model risk reviews ask for (age, surname, language, photograph, postcode alone). Names of fields are read as they
are written in CRMs: `date_of_birth`, `dateOfBirth`, `Date of birth` and `DATE-OF-BIRTH` are one.
"""

import re
from collections.abc import Mapping

_DENIED: Mapping[str, str] = {
    "race and colour": "race racial ethnic ethnicity ethnicities colour color skin hispanic latino",
    "religion": "religion religious church mosque synagogue faith creed",
    "sex": "sex sexual gender male female pregnant pregnancy pronoun salutation",
    "disability": "disability disabled disabilities handicap handicapped wheelchair veteran",
    "familial status": (
        "familial marital married single divorced widowed spouse husband wife child children kid dependent dependant"
    ),
    "national origin": (
        "nationality nationalities citizen citizenship immigrant immigration birthplace language accent"
    ),
    "age": "age aged birth birthday birthdate dob elderly senior",
    "name": "surname forename firstname lastname maiden",
    "likeness": "photo photograph selfie portrait headshot avatar",
    "place of living": "zip zipcode postcode postal",
}
DENIED_WORDS: frozenset[str] = frozenset(word for words in _DENIED.values() for word in words.split())
DENIED_PHRASES: tuple[str, ...] = (
    "national origin",
    "country of origin",
    "marital status",
    "family status",
    "family size",
    "household size",
    "first name",
    "last name",
    "family name",
    "given name",
    "full name",
    "middle name",
    "mother tongue",
    "service animal",
    "visa status",
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")


def denied_words(text: str) -> tuple[str, ...]:
    """The denied words and phrases in `text`, where `_`, `.`, other signs and humps part words; plurals count as well.

    Empty when it is clean.
    """
    words = _WORD.findall(_HUMP.sub(" ", text).lower())
    joined = f" {' '.join(words)} "
    phrases = tuple(phrase for phrase in DENIED_PHRASES if f" {phrase} " in joined)
    return tuple(sorted(DENIED_WORDS.intersection(map(_singular, words)))) + phrases


def _singular(word: str) -> str:
    """`ages` -> `age`, `religions` -> `religion`; a word that is denied as it stands is left alone."""
    return word if word in DENIED_WORDS else word.removesuffix("s")
