"""Leads are drawn by weight, stay where they are, and fall to the champion where a canary is missing."""

from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.scoring.bundle import Bundle
from serving.model import Models, Route, ServedModel, Share
from serving.problems import RequestError
from serving.router import Router, drawn, share

LEADS = [f"lead-{number}" for number in range(20_000)]


def model(name: str) -> ServedModel:
    return ServedModel(cast(Bundle, None), name, 1, f"sha256:{name}", name)


CHAMPION, FIRST, SECOND = model("champion"), model("first"), model("second")


class FixedModels(Models):
    """One route for everybody."""

    def __init__(self, route: Route) -> None:
        self._fixed = route

    def route(self, tenant: str) -> Route:
        return self._fixed

    def refresh(self) -> None:
        """There is no table."""

    def _no_model(self, tenant: str, route: Route) -> RequestError:
        return RequestError(503, "not-ready", "none")


def router(*canaries: Share, champion: ServedModel | None = CHAMPION, salt: str = "acme/x") -> Router:
    return Router(FixedModels(Route(champion, canaries, salt)))


def part(one: Router, wanted: ServedModel, tenant: str = "acme") -> set[str]:
    return {lead for lead in LEADS if one.assigned(tenant, lead) is wanted}


def test_without_canaries_the_champion_answers_and_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> float:
        raise AssertionError

    monkeypatch.setattr("serving.router.share", never)
    one = router()
    assert one.assigned("acme", "lead") is CHAMPION
    assert one.split("acme", ["a", "b"]) == [(CHAMPION, [0, 1])]


def test_each_canary_gets_its_weight_of_the_leads() -> None:
    one = router(Share(FIRST, 0.1), Share(SECOND, 0.25))
    # binomial: 5 standard deviations of 20,000 draws are under .016
    assert len(part(one, FIRST)) / len(LEADS) == pytest.approx(0.1, abs=0.012)
    assert len(part(one, SECOND)) / len(LEADS) == pytest.approx(0.25, abs=0.016)


def test_a_canary_that_grows_keeps_its_leads() -> None:
    parts = [part(router(Share(FIRST, weight)), FIRST) for weight in (0.01, 0.05, 0.5, 1.0)]
    assert all(smaller < larger for smaller, larger in pairwise(parts))
    assert parts[-1] == set(LEADS)


def test_another_rollout_or_tenant_draws_other_leads() -> None:
    mine = part(router(Share(FIRST, 0.5)), FIRST)
    for other in (
        part(router(Share(FIRST, 0.5), salt="acme/y"), FIRST),
        part(router(Share(FIRST, 0.5)), FIRST, tenant="other"),
    ):
        assert len(mine & other) / len(mine) == pytest.approx(0.5, abs=0.03)


def test_a_canary_that_is_not_loaded_leaves_its_leads_to_the_champion_and_no_others_move() -> None:
    whole = router(Share(FIRST, 0.2), Share(SECOND, 0.3))
    without = router(Share(None, 0.2), Share(SECOND, 0.3))
    assert part(without, SECOND) == part(whole, SECOND)
    assert part(without, CHAMPION) == part(whole, CHAMPION) | part(whole, FIRST)


@given(st.lists(st.text(), max_size=30), st.floats(0, 1), st.text(), st.text(min_size=1))
def test_a_split_is_every_position_once_with_the_model_assigned(
    leads: list[str], weight: float, salt: str, tenant: str
) -> None:
    one = router(Share(FIRST, weight), salt=salt)
    found = one.split(tenant, leads)
    assert sorted(at for _, positions in found for at in positions) == list(range(len(leads)))
    for served, positions in found:
        assert all(one.assigned(tenant, leads[at]) is served for at in positions)


@given(st.text(), st.text(), st.text())
def test_a_place_lies_in_the_half_open_unit_interval_and_never_moves(salt: str, tenant: str, lead: str) -> None:
    place = share(salt, tenant, lead)
    assert 0.0 <= place < 1.0
    assert place == share(salt, tenant, lead)


def test_places_are_the_same_in_every_process() -> None:
    assert share("acme/x", "acme", "lead-1") == 0.6437346834925274


def test_parts_of_a_name_do_not_run_into_each_other() -> None:
    assert len({share("a", "b", "cd"), share("a", "bc", "d"), share("ab", "c", "d")}) == 3


def test_a_champion_of_weight_nought_keeps_no_lead() -> None:
    route = Route(CHAMPION, (Share(FIRST, 1.0),), "s")
    assert all(drawn(route, "acme", lead) is FIRST for lead in LEADS[:200])


def test_nobody_is_assigned_where_nothing_serves() -> None:
    with pytest.raises(RequestError):
        router(champion=None).assigned("acme", "lead")
