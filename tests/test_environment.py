from pathlib import Path

import pytest

from lintel.environment import child_environment, service_environment
from lintel.settings import Settings


@pytest.fixture
def every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LINTEL_HOME", str(tmp_path))
    monkeypatch.setenv("LINTEL_QUOTA_OVERRIDES", '{"acme": [50, 200], "acme/website": [10.5, 50]}')
    monkeypatch.setenv("LINTEL_TENANT_WEIGHTS", '{"acme": 2}')
    monkeypatch.setenv("LINTEL_TRAINING_WINDOW_DAYS", "30")
    return Settings()


def test_a_child_has_the_settings_of_its_parent(every_kind: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service_environment(every_kind).items():
        monkeypatch.setenv(name, value)
    assert Settings() == every_kind


def test_settings_that_the_parent_was_not_given_do_not_come_from_elsewhere(
    every_kind: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINTEL_REDIS_URL", "redis://elsewhere/0")
    assert "LINTEL_REDIS_URL" not in child_environment(every_kind)
