"""The worker's models follow the traffic table, and what answers says which rung it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry.traffic import Traffic
from lintel.settings import Settings
from serving.model import Models, ServedModel
from serving.problems import RequestError
from tests.serving.clients import OTHER, TENANT
from tests.serving.counting import DIGEST, CountingBundle

NEWER = "sha256:" + "b" * 64
BAKED_DIGEST = "sha256:" + "c" * 64


class LoadCount:
    def __init__(self) -> None:
        self.paths: list[str] = []


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> LoadCount:
    """Counts how often bundles are read from disk."""
    count, load = LoadCount(), CountingBundle.load

    def counted(path: Path) -> CountingBundle:
        count.paths.append(path.name)
        return load(path)

    monkeypatch.setattr(CountingBundle, "load", counted)
    return count


@pytest.fixture
def models(settings: Settings, home: Home, tmp_path: Path) -> Models:
    return Models(home.traffic, settings.bundles_path, tmp_path / "baked")


def rung(model: ServedModel) -> tuple[str, str]:
    return model.served_by, model.digest


def test_a_promotion_is_followed_at_the_next_refresh(
    models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    for digest in (DIGEST, NEWER):
        put_bundle(digest)
    promote(DIGEST)
    models.refresh()
    before = models.serving(TENANT)
    promote(NEWER, version=2)
    assert models.serving(TENANT) is before
    models.refresh()
    assert rung(models.serving(TENANT)) == ("champion", NEWER)
    assert rung(before) == ("champion", DIGEST)


def test_a_bundle_is_loaded_once_while_the_table_stands_still(
    loads: LoadCount, models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    put_bundle(DIGEST, scope="global")
    promote(DIGEST, scope="global")
    for _ in range(3):
        models.refresh()
        models.serving(TENANT)
        models.serving(OTHER)
    assert len(loads.paths) == 1


def test_a_tenants_own_champion_goes_before_the_global_one(
    models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    for digest in (DIGEST, NEWER):
        put_bundle(digest)
    promote(DIGEST, scope="global")
    promote(NEWER, scope=TENANT)
    models.refresh()
    assert models.serving(TENANT).digest == NEWER
    assert models.serving(OTHER).digest == DIGEST


def test_a_missing_bundle_leaves_the_previous_one_answering_until_it_comes(
    models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    put_bundle(DIGEST)
    promote(DIGEST)
    models.refresh()
    promote(NEWER, version=2)
    models.refresh()
    assert rung(models.serving(TENANT)) == ("previous-champion", DIGEST)
    assert models.faults(TENANT) == ["The bundle bbbbbbbbbbbb of model version 2 cannot be loaded."]
    assert models.unserved == []
    put_bundle(NEWER)
    models.refresh()
    assert rung(models.serving(TENANT)) == ("champion", NEWER)
    assert models.faults(TENANT) == []


def test_a_bundle_of_another_digest_than_its_folder_is_not_served(
    models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    (put_bundle(DIGEST) / "bundle.sha256").write_text(f"{NEWER} {TENANT}")
    promote(DIGEST)
    models.refresh()
    with pytest.raises(RequestError) as refused:
        models.serving(TENANT)
    assert refused.value.status == 503


def test_the_baked_bundle_is_the_last_resort_and_says_so(
    models: Models, put_bundle: Callable[..., Path], promote: Callable[..., None], tmp_path: Path
) -> None:
    put_bundle(BAKED_DIGEST, path=tmp_path / "baked")
    models.refresh()
    assert rung(models.serving(TENANT)) == ("baked-champion", BAKED_DIGEST)
    assert models.serving(TENANT).version is None
    promote(DIGEST)
    models.refresh()
    assert rung(models.serving(TENANT)) == ("baked-champion", BAKED_DIGEST)
    assert models.faults(TENANT)


def test_the_baked_bundle_of_a_tenant_does_not_answer_for_another(
    models: Models, put_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    put_bundle(BAKED_DIGEST, path=tmp_path / "baked", scope=TENANT)
    models.refresh()
    with pytest.raises(RequestError) as refused:
        models.serving(OTHER)
    assert f"`lintel nightly --tenant {OTHER}`" in str(refused.value.mend)


def test_what_answers_goes_on_while_the_table_cannot_be_read(
    models: Models,
    put_bundle: Callable[..., Path],
    promote: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def locked(_: Traffic) -> int:
        raise UnavailableError("locked")

    put_bundle(DIGEST)
    promote(DIGEST)
    models.refresh()
    with monkeypatch.context() as patched:
        patched.setattr(Traffic, "version", locked)
        models.refresh()
        assert models.serving(TENANT).digest == DIGEST
        assert models.faults(TENANT) == ["The traffic table cannot be read (UnavailableError)."]
    models.refresh()
    assert models.faults(TENANT) == []
