"""The page `/live` in a real browser, whose microphone is a file: a call end to end, with the keyboard."""

import re
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintel.voice.audio.samples import Samples
from tests.voice_doors.chromium import Page, chromium
from tests.voice_doors.conftest import Dial, Served, kept, live_call, said
from tests.voice_doors.tones import spoken
from tests.voice_doors.twilio_client import CALL, CONSENTED, play, stop

pytest.importorskip("aiortc", reason="the voice extra is not installed")

RATE = 48_000
WORDS = ["hello", "house", "garden", "street", "today", "yes"]
CLICK = "document.getElementById({!r}).click()"
SEEN = """(() => {
  const row = [...document.querySelectorAll('.row')].at(-1).getBoundingClientRect();
  const box = words.getBoundingClientRect();
  return row.bottom <= box.bottom && box.bottom <= innerHeight;
})()"""
"""Whether the newest words are in sight."""


def write(path: Path, samples: Samples, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice offers no loopback address; a test needs no other."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.fixture
def page(loopback: None, tmp_path: Path) -> Iterator[Page]:
    microphone = write(tmp_path / "microphone.wav", spoken(WORDS, rate=RATE, before=3.0, after=3.0))
    with chromium(tmp_path, microphone) as page:
        yield page


def entered(page: Page, served: Served, view: str = "lobby") -> None:
    """The page after the key was typed."""
    page.open(f"{served.url}/live")
    page.fill("#key", served.key)
    page.press("Enter")
    page.until(f"document.body.dataset.view === {view!r}")


def words(page: Page, side: int) -> str:
    return str(
        page.evaluate(
            f"[...document.querySelectorAll('.row[data-side=\"{side}\"] .line')].map(l => l.innerText).join(' ')"
        )
    )


def test_a_call_from_the_browser(page: Page, served: Served) -> None:
    entered(page, served)
    assert page.evaluate("document.getElementById('start').disabled")
    page.evaluate("document.getElementById('agreed').focus()")
    page.press("Space")
    page.fill("#lead", "lead-7")
    page.press("Enter")
    page.until("document.body.dataset.view === 'call'")
    assert page.until("document.getElementById('consent').textContent") == "Listening"
    page.until(f"document.querySelector('.words').innerText.includes({WORDS[-1]!r})", 30)
    call_id = page.evaluate("location.hash").removeprefix("#call=")
    assert words(page, 0).split() == WORDS
    page.evaluate(CLICK.format("end"))
    page.until("document.getElementById('consent').dataset.state === 'ended'")
    call = kept(served, call_id)
    assert said(call, "agent") == WORDS
    assert (call.lead_id, call.document["ended"]["reason"]) == ("lead-7", "hung_up")
    assert page.complaints == []


def test_a_telephone_call_is_watched_and_its_card_judged_by_a_key(page: Page, served: Served, dial: Dial) -> None:
    entered(page, served)
    connection = dial(served.key, **CONSENTED, lead_id="lead-9", agent_id="kim")
    page.until("document.querySelector('.calls button')?.innerText.includes('lead-9')")
    page.evaluate("document.querySelector('.calls button').click()")
    page.until("document.body.dataset.view === 'call'")
    play(
        connection,
        spoken(["hello", "garden"]),
        spoken(["price", "yes"], before=3.0),
    )
    page.until("document.querySelector('.card h3')?.innerText === 'They ask what it costs'")
    assert (words(page, 0), words(page, 1)) == ("hello garden", "price yes")
    page.press("u")
    page.until("document.querySelector('.card').dataset.verdict === 'useful'")
    assert served.home.calls.card_records("acme")[0].useful == 1
    call_id = live_call(served, CALL)
    stop(connection)
    page.until("document.getElementById('banner').innerText.includes('has ended')")
    kept(served, call_id)
    assert page.complaints == []


def test_the_newest_words_stay_in_sight_whatever_the_window(page: Page, served: Served, dial: Dial) -> None:
    entered(page, served)
    connection = dial(served.key, **CONSENTED)
    page.open(f"{served.url}/live?again#call={live_call(served, CALL)}")
    sides = [spoken(["hello"] * 6 + ["today"], after=6.0), spoken(["yes"] * 6 + ["thanks."], before=4.0)]
    lasted = round(1000 * max(map(len, sides)) / 16_000)
    for turn, (width, height) in enumerate([(1440, 600), (390, 700), (1280, 500)]):
        page.screenshot(Path("/dev/null"), width=width, height=height)
        play(connection, *sides, offset_ms=turn * lasted, first_chunk=1 + turn * lasted // 20)
        page.until(f"document.querySelectorAll('.row').length >= {2 * turn + 2} && {SEEN}")
    assert page.evaluate("words.scrollHeight - words.clientHeight") > 0
    page.evaluate("words.scrollTop = 0")
    page.until("!document.getElementById('jump').hidden && words.scrollTop === 0")
    page.evaluate(CLICK.format("jump"))
    page.until(f"document.getElementById('jump').hidden && {SEEN}")


def test_consent_is_given_on_the_page_and_refused_calls_stay_unheard(page: Page, served: Served, dial: Dial) -> None:
    entered(page, served)
    connection = dial(served.key)
    call_id = live_call(served, CALL)
    page.open(f"{served.url}/live?again#call={call_id}")
    page.until("document.querySelectorAll('#hold button').length === 4")
    page.evaluate("[...document.querySelectorAll('#hold button')].find(b => b.innerText === 'Lead refuses').click()")
    page.until("document.getElementById('consent').dataset.state === 'refused'")
    play(connection, spoken(["hello"]), spoken(["yes"]))
    stop(connection)
    assert served.engine.decoded == 0


def test_the_page_holds_no_key_and_asks_nobody_else(served: Served) -> None:
    with served.client(None) as client:
        answers = {path: client.get(path) for path in ("/live", "/live/live.css", "/live/live.js", "/live/stream.js")}
    for answer in answers.values():
        assert answer.status_code == 200
        assert served.key not in answer.text
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace("https?:", "")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    assert "style=" not in answers["/live"].text
    assert re.search(r"\son[a-z]+=", answers["/live"].text) is None


def test_a_network_that_is_away_is_told_and_comes_back(page: Page, served: Served) -> None:
    entered(page, served)
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.emulateNetworkConditions", offline=True, **network)
    page.until("document.getElementById('banner').innerText.includes('cannot be read now')")
    page.call("Network.emulateNetworkConditions", offline=False, **network)
    page.until("document.getElementById('banner').hidden")


def test_a_wrong_key_is_told_in_words(page: Page, served: Served) -> None:
    page.open(f"{served.url}/live")
    page.fill("#key", "lintel_wrong")
    page.press("Enter")
    assert "not known" in page.until("document.getElementById('key-fault').innerText")
