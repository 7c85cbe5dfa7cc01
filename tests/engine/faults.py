"""What goes wrong: models that fail, stores that are away or hang."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

import serving.computation
from lintel.scoring.answers import Answered, answer_leads
from lintel.scoring.lesser_answers import light_answers


@dataclass
class Models:
    """The models of a service, which fail on some leads; `asked` has how many leads each call was about."""

    poison: Collection[str] | None = ()
    """None: every lead."""
    light_poison: Collection[str] | None = ()
    failing: Collection[str] = ("champion", "canary")
    """Those of the full models that fail."""
    asked: list[int] = field(default_factory=list)

    def full(self, bundle: Any, tenant: Any, histories: Any, lead_ids: Any, *rest: Any, **more: Any) -> Answered:
        self.asked.append(len(lead_ids))
        if more["served_by"] in self.failing:
            _fail(self.poison, lead_ids)
        return answer_leads(bundle, tenant, histories, lead_ids, *rest, **more)

    def light(self, bundle: Any, tenant: Any, histories: Any, lead_ids: Any, *rest: Any, **more: Any) -> Answered:
        _fail(self.light_poison, lead_ids)
        return light_answers(bundle, tenant, histories, lead_ids, *rest, **more)

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> "Models":
        monkeypatch.setattr(serving.computation, "answer_leads", self.full)
        monkeypatch.setattr(serving.computation, "light_answers", self.light)
        return self


def _fail(poison: Collection[str] | None, lead_ids: Collection[str]) -> None:
    if poison is None or set(poison) & set(lead_ids):
        raise ZeroDivisionError(f"secret of {lead_ids}")


def raising(error: Exception) -> Callable[..., Any]:
    """A function that is away."""

    def away(*_: Any, **__: Any) -> Any:
        raise error

    return away
