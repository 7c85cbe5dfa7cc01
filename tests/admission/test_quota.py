import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.settings import Settings
from lintel.store.state import Principal
from serving.admission.quota import Claim, Quota, Quotas, Verdict, quotas_of


def claims(quotas: Quotas, tenant: str = "acme", key: str = "web") -> list[tuple[str, Quota]]:
    return [(claim.holder, claim.quota) for claim in quotas.claims(Principal(tenant, key, "read"))]


def test_without_settings_there_are_no_quotas() -> None:
    assert claims(quotas_of(Settings())) == []


def test_quotas_follow_the_settings() -> None:
    settings = Settings(
        quota_rows_per_second=50.0,
        quota_burst_rows=200,
        quota_key_rows_per_second=10.0,
        quota_key_burst_rows=20,
        quota_overrides={"big": (500.0, 900), "acme/batch": (1.0, 2)},
    )
    quotas = quotas_of(settings)
    assert claims(quotas) == [("tenant", Quota(50.0, 200)), ("key", Quota(10.0, 20))]
    assert claims(quotas, "big") == [("tenant", Quota(500.0, 900)), ("key", Quota(10.0, 20))]
    assert claims(quotas, "acme", "batch") == [("tenant", Quota(50.0, 200)), ("key", Quota(1.0, 2))]
    assert claims(quotas_of(Settings(quota_overrides={"a/k": (1.0, 2)})), "a", "k") == [("key", Quota(1.0, 2))]


def test_a_quota_of_nothing_is_refused() -> None:
    for overrides in ({"acme": (0.0, 5)}, {"acme": (1.0, 0)}, {"acme": (-1.0, 5)}):
        with pytest.raises(ValueError, match="quota_overrides"):
            Settings(quota_overrides=overrides)


names = st.text("ab:/{}%", min_size=1, max_size=4)


@given(names, names, names, names)
def test_no_two_holders_share_a_bucket(tenant: str, key: str, other_tenant: str, other_key: str) -> None:
    quotas = Quotas(Quota(1.0, 1), Quota(1.0, 1))
    own = quotas.claims(Principal(tenant, key, "read"))
    other = quotas.claims(Principal(other_tenant, other_key, "read"))
    assert (own[0].bucket == other[0].bucket) == (tenant == other_tenant)
    assert (own[1].bucket == other[1].bucket) == ((tenant, key) == (other_tenant, other_key))
    assert own[0].bucket != other[1].bucket


@pytest.mark.parametrize(("backlog", "remaining"), [(0.0, 10), (0.5, 9), (1.0, 8), (4.9, 0), (5.0, 0), (9.0, 0)])
def test_remaining_rows(backlog: float, remaining: int) -> None:
    assert Verdict(0.0, Claim("b", "tenant", Quota(2.0, 10)), backlog).remaining_rows == remaining
