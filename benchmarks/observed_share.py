"""How often something happened in independent draws, with how sure that is."""

from collections.abc import Iterable

from lintel.scoring.share_interval import wilson


def observed_share(happened: Iterable[object]) -> dict[str, float]:
    """The share of draws in which it happened, and its 95 % interval."""
    told = [bool(one) for one in happened]
    low, high = wilson(sum(told), len(told))
    return {"rate": round(sum(told) / len(told), 4), "low": round(low, 4), "high": round(high, 4), "draws": len(told)}
