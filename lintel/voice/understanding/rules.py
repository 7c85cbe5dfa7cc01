"""The rules of `rules.yaml`: named patterns over text in lower case."""

import re
from functools import cache
from importlib import resources

import yaml


@cache
def patterns(section: str) -> dict[str, re.Pattern[str]]:
    """The compiled patterns of a section (intents, objections, ...), by name. An alternative matches whole words."""
    document = _document()
    return {name: _compiled(alternatives, document["words"]) for name, alternatives in document[section].items()}


def compiled(section: str, name: str) -> re.Pattern[str]:
    return patterns(section)[name]


@cache
def _document() -> dict[str, dict[str, list[str]]]:
    text = resources.files("lintel.voice.understanding").joinpath("rules.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    return loaded


def _compiled(alternatives: list[str], words: dict[str, list[str]]) -> re.Pattern[str]:
    joined = "|".join(alternatives)
    for _ in range(2):
        for name, pattern in words.items():
            joined = joined.replace(f"<{name}>", str(pattern))
    return re.compile(rf"(?<![\w'])(?:{joined})(?!\w)")
