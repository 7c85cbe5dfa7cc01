from benchmarks.observed_share import observed_share


def test_a_share_is_told_with_its_draws() -> None:
    assert observed_share([True, False, False, False]) == {"rate": 0.25, "low": 0.0456, "high": 0.6994, "draws": 4}
