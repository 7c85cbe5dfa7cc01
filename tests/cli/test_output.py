"""What is told while a command is at work."""

import pytest

from cli.output import progress
from tests.orchestration.nightly_home import TENANT, NightlyHome, nightly


def test_a_step_is_named_when_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("nightly acme", 2) as bar:
        bar.begin("score_bundle")
        begun = capsys.readouterr().err
        bar(1)
    assert "score_bundle ..." in begun
    assert "nightly acme: done" in capsys.readouterr().err


def test_the_nightly_run_names_each_step_before_it_tells_its_seconds(
    own_nightly_home: NightlyHome, capsys: pytest.CaptureFixture[str]
) -> None:
    nightly(own_nightly_home.path, TENANT)
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    begun = [line.removesuffix(" ...") for line in lines if line.endswith(" ...")]
    assert "score_bundle" in begun
    for step in begun:
        ended = next(i for i, line in enumerate(lines) if line.startswith(f"{step}: "))
        assert lines.index(f"{step} ...") < ended
