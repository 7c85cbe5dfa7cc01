"""Families of features: the themes under which the catalogue declares them."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from lintel.features import declarations

OTHER = "other"


def feature_families(names: Sequence[str]) -> tuple[str, ...]:
    """The theme of each feature, OTHER for one that no theme declares.

    A theme is a module of `lintel.features.declarations`: `money` has the features that `money_features` declares.
    """
    family = _families()
    return tuple(family.get(name, OTHER) for name in names)


def _families() -> dict[str, str]:
    found: dict[str, str] = {}
    for module in iter_modules(declarations.__path__):
        content = import_module(f"{declarations.__name__}.{module.name}")
        declared = getattr(content, f"{module.name}_features", None)
        if declared is not None:
            found |= {feature.name: module.name for feature in declared()}
    return found
