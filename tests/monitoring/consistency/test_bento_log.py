"""The log of a real bento, two workers behind a socket, that was asked while events came in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import httpx

from lintel.home import Home
from lintel.monitoring.consistency_check import check_consistency
from lintel.settings import Settings
from serving.process import bento
from tests.bentos.conftest import TENANT, Brokerage


def test_what_a_bento_served_under_load_comes_out_of_the_lake(brokerage: Brokerage, tmp_path: Path) -> None:
    copytree(brokerage.settings.home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", inference_workers=2, prediction_log_feature_rate=1.0)
    leads = list(brokerage.lead_ids)
    headers = {"Authorization": f"Bearer {brokerage.key}", "Lintel-Urgency": "bulk"}
    began = datetime.now(UTC)
    with bento(settings, port=0) as endpoint:

        def turn(number: int) -> int:
            if number % 3 == 2:
                event = {"event_id": f"e{number}", "lead_id": leads[number], "kind": "email.opened"}
                at = "2024-06-01T12:00:00Z"
                body = {"events": [{**event, "occurred_at": at}]}
                return httpx.post(f"{endpoint.url}/v1/events", json=body, headers=headers, trust_env=False).status_code
            asked = {"lead_ids": leads[number % 5 * 40 : number % 5 * 40 + 60]}
            answer = httpx.post(f"{endpoint.url}/v1/score", json=asked, headers=headers, trust_env=False, timeout=60)
            return answer.status_code

        with ThreadPoolExecutor(4) as pool:
            codes = list(pool.map(turn, range(36)))
    assert set(codes) == {200}
    with Home(settings) as home:
        later = datetime.now(UTC) + timedelta(hours=2)
        home.lake.advance(home.events, TENANT, now=later)
        home.predictions.compact(now=later, keep_days=100)
        found = check_consistency(home, TENANT, now=later, since=began - timedelta(minutes=1))
    assert not found["alarm"], found["explanation"]
    assert found["compared"] >= 100
    assert found["features"] == {"compared": found["features"]["compared"], "mismatched": 0, "by_feature": {}}
    assert found["features"]["compared"] > 20
    assert set(found["apart"]) <= {"no_features_read"}
