"""A dialler's two-channel stream: heard, kept, watched; and everything that can be wrong with one."""

from datetime import UTC, datetime

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from lintel.errors import NotFoundError
from serving.voice import twilio
from serving.voice.calls import CallLimits
from tests.voice_doors.conftest import TENANT, Dial, Serve, Served, kept, live_call, said
from tests.voice_doors.tones import spoken
from tests.voice_doors.twilio_client import (
    CALL,
    CONSENTED,
    SILENCE,
    closed,
    dialled,
    media,
    messages,
    play,
    send,
    start,
    stop,
)

AGENT, LEAD = ["hello", "house", "garden", "thanks."], ["yes", "price", "street", "thanks."]


def counted(served: Served, name: str) -> float:
    with served.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def messages_counted(served: Served, outcome: str) -> float:
    return counted(served, f'lintel_voice_messages_total{{outcome="{outcome}"}}')


def test_both_sides_are_heard_and_kept(served: Served, dial: Dial) -> None:
    connection = dial(served.key, **CONSENTED, lead_id="lead-7", agent_id="kim")
    play(connection, spoken(AGENT), np.concatenate([SILENCE, spoken(LEAD)]))
    call_id = live_call(served, CALL)
    assert stop(connection) == 1000
    call = kept(served, call_id)
    assert said(call, "agent") == AGENT
    assert said(call, "lead") == LEAD
    assert (call.source, call.lead_id, call.agent_id, call.document["ended"]["reason"]) == (
        "twilio",
        "lead-7",
        "kim",
        "hung_up",
    )
    first = next(one for one in call.document["turns"] if one["speaker"] == "lead")
    assert first["start"] == pytest.approx(1.5, abs=0.15)


def test_without_consent_nothing_is_decoded_and_nothing_kept(served: Served, dial: Dial) -> None:
    connection = dial(served.key, agent_consent="granted")
    play(connection, spoken(AGENT), spoken(LEAD))
    call_id = live_call(served, CALL)
    assert stop(connection) == 1000
    assert served.engine.decoded == 0
    with pytest.raises(NotFoundError):
        served.home.calls.get(TENANT, call_id)
    assert not list(served.home.settings.voice_path.glob("**/*"))


def test_what_was_said_before_consent_is_not_heard_after_it(served: Served, dial: Dial) -> None:
    connection = dial(served.key)
    play(connection, spoken(AGENT), spoken(LEAD), speed=1.5)
    call_id = live_call(served, CALL)
    with served.client() as client:
        for speaker in ("agent", "lead"):
            told = {"speaker": speaker, "state": "granted", "disclosed": True}
            consent = client.post(f"/v1/calls/{call_id}/consent", json=told).json()
    assert consent["consent"] == {"state": "granted", "disclosed": True, "missing": []}
    later = round(consent["now"] * 1000) + 500
    play(connection, spoken(["today"]), spoken(["yes"]), offset_ms=later, first_chunk=10_000)
    stop(connection)
    call = kept(served, call_id)
    assert (said(call, "agent"), said(call, "lead")) == (["today"], ["yes"])


@pytest.mark.parametrize(("key", "code"), [("", 1008), ("lintel_wrong", 1008)])
def test_a_stream_without_a_known_key_is_closed(dial: Dial, key: str, code: int) -> None:
    assert closed(dial(key, **CONSENTED)) == code


def test_a_key_that_may_only_read_opens_no_call(served: Served, dial: Dial) -> None:
    assert closed(dial(served.reader_key, **CONSENTED)) == 1008


def test_a_state_of_consent_that_is_none_opens_no_call(served: Served, dial: Dial) -> None:
    assert closed(dial(served.key, lead_consent="perhaps")) == 1008
    with served.client() as client:
        assert client.get("/readyz").json()["calls"] == 0


def test_a_call_with_an_erased_lead_is_not_opened(served: Served, dial: Dial) -> None:
    served.home.erase(TENANT, "gone", now=datetime.now(UTC))
    connection = dial(served.key, **CONSENTED, lead_id="gone")
    assert closed(connection) == 1008
    assert "was erased" in (connection.close_reason or "")


def test_other_codings_are_refused(served: Served, dial: Dial) -> None:
    message = start(served.key, **CONSENTED)
    message["start"]["mediaFormat"]["encoding"] = "audio/opus"
    connection = dial()
    send(connection, message)
    assert closed(connection) == 1003


@pytest.mark.parametrize("value", [7, "x" * 300, ["é"] * 3])
def test_a_start_that_cannot_be_read_is_refused_at_once_with_its_fault(
    served: Served, dial: Dial, value: object
) -> None:
    message = start(served.key, **CONSENTED)
    message["start"]["streamSid"] = value
    connection = dial()
    send(connection, message)
    assert closed(connection, seconds=twilio.START_SECONDS / 2) == 1008
    assert "$.start.streamSid" in (connection.close_reason or "")


def test_a_reason_longer_than_a_close_frame_is_cut_and_told(served: Served, dial: Dial) -> None:
    connection = dial(served.key, **(CONSENTED | {"lead_consent": "é" * 150}))
    assert closed(connection) == 1008
    assert connection.close_reason


def test_a_stream_that_never_starts_is_closed(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "START_SECONDS", 0.2)
    assert closed(dial()) == 1008


def test_noise_on_the_line_harms_nothing(served: Served, dial: Dial) -> None:
    """Malformed, unknown, binary, oversized, early, late and repeated messages between good ones."""
    connection = dial(served.key, **CONSENTED)
    noise: list[object] = [
        "no json",
        "[1, 2",
        "{}",
        b"\x00binary",
        {"event": "dtmf", "dtmf": {"digit": "5"}},
        {"event": "mark", "mark": {"name": "m"}},
        {"event": "of-the-future", "anything": [1]},
        {"event": "media", "media": {"track": "inbound", "chunk": "9999", "timestamp": "0", "payload": "!!!"}},
        {"event": "media", "media": {"track": "sideways", "chunk": "1", "timestamp": "0", "payload": "/w=="}},
        {"event": "media", "media": {"track": "inbound", "chunk": "1", "timestamp": "-5", "payload": "/w=="}},
        media("inbound", 9_999, 10**12, b"\xff" * 160),
        "x" * 70_000,
    ]
    good = list(messages(spoken(AGENT), spoken(LEAD)))
    for number, message in enumerate(good):
        send(connection, message)
        if number % 20 == 0 and noise:
            send(connection, noise.pop())
        if number % 30 == 0:
            send(connection, message)  # twice
    call_id = live_call(served, CALL)
    assert stop(connection) == 1000
    call = kept(served, call_id)
    assert (said(call, "agent"), said(call, "lead")) == (AGENT, LEAD)
    assert messages_counted(served, "unreadable") == 8
    assert messages_counted(served, "unknown") == 1
    assert messages_counted(served, "ahead") == 1
    assert messages_counted(served, "late") >= len(good) // 30


def test_a_stream_of_rubbish_is_given_up(served: Served, dial: Dial) -> None:
    connection = dial(served.key, **CONSENTED)
    for _ in range(twilio.MOST_FAULTS):
        send(connection, "rubbish")
    assert closed(connection) == 1002


def test_a_client_that_vanishes_ends_its_call_and_no_other(serve: Serve) -> None:
    with serve(CallLimits(calls=3, idle_s=3.0)) as served, dialled(served.socket_url) as dial:
        lost = dial(served.key, **CONSENTED)
        other = dial(served.key, call="CA-other", **CONSENTED)
        play(lost, spoken(AGENT), spoken(LEAD))
        lost_id = live_call(served, CALL)
        lost.socket.close()
        play(other, spoken(["hello", "today"]), spoken(["yes"]))
        other_id = live_call(served, "CA-other")
        assert stop(other) == 1000
        assert kept(served, lost_id).document["ended"]["reason"] == "vanished"
        assert said(kept(served, lost_id), "agent") == AGENT
        assert said(kept(served, other_id), "agent") == ["hello", "today"]


def test_a_dialler_that_connects_again_goes_on_with_its_call(served: Served, dial: Dial) -> None:
    lost = dial(served.key, **CONSENTED)
    play(lost, spoken(AGENT), spoken(LEAD), speed=4)
    call_id = live_call(served, CALL)
    lost.socket.close()
    again = dial(served.key, **CONSENTED)
    play(again, spoken(["today"]), spoken(["yes"]), speed=4)
    assert live_call(served, CALL) == call_id
    assert stop(again) == 1000
    call = kept(served, call_id)
    assert (said(call, "agent"), said(call, "lead")) == ([*AGENT, "today"], [*LEAD, "yes"])
    ends = [turn["end"] for turn in call.document["turns"] if turn["speaker"] == "agent"]
    assert ends == sorted(ends)
    assert ends[-1] >= len(spoken(AGENT)) / 16_000 + 0.5


def test_tracks_that_have_a_stream_each_are_one_call(served: Served, dial: Dial) -> None:
    streams = {"outbound": dial(served.key, **CONSENTED), "inbound": dial(served.key, **CONSENTED)}
    for message in messages(spoken(AGENT), spoken(LEAD)):
        send(streams[message["media"]["track"]], message)
    call_id = live_call(served, CALL)
    assert stop(streams["outbound"]) == 1000
    assert live_call(served, CALL) == call_id
    assert stop(streams["inbound"]) == 1000
    call = kept(served, call_id)
    assert (said(call, "agent"), said(call, "lead")) == (AGENT, LEAD)


def test_another_tenants_stream_joins_no_call_of_the_same_name(served: Served, dial: Dial) -> None:
    own, other = dial(served.key, **CONSENTED), dial(served.other_key, **CONSENTED)
    play(other, spoken(["price"]), spoken(["street"]))
    play(own, spoken(["hello"]), spoken(["yes"]))
    call_id = live_call(served, CALL)
    assert (stop(other), stop(own)) == (1000, 1000)
    assert (said(kept(served, call_id), "agent"), said(kept(served, call_id), "lead")) == (["hello"], ["yes"])


def test_who_has_refused_is_not_heard_when_the_dialler_connects_again(served: Served, dial: Dial) -> None:
    first = dial(served.key)
    with served.client() as client:
        told = {"speaker": "lead", "state": "refused"}
        assert client.post(f"/v1/calls/{live_call(served, CALL)}/consent", json=told).status_code == 200
    first.socket.close()
    again = dial(served.key, **CONSENTED)
    play(again, spoken(AGENT), spoken(LEAD))
    assert stop(again) == 1000
    assert served.engine.decoded == 0


def test_a_call_from_which_consent_was_withdrawn_is_not_dialled_again(served: Served, dial: Dial) -> None:
    connection = dial(served.key, **CONSENTED)
    play(connection, spoken(AGENT), spoken(LEAD))
    with served.client() as client:
        told = {"speaker": "lead", "state": "withdrawn"}
        client.post(f"/v1/calls/{live_call(served, CALL)}/consent", json=told)
    assert closed(connection) == 1000
    assert closed(dial(served.key, **CONSENTED)) == 1008
    again = dial(served.key, call="CA-another", **CONSENTED)
    assert code_of(again) is None


def test_a_network_that_was_away_for_five_seconds_leaves_a_gap_and_true_times(served: Served, dial: Dial) -> None:
    connection = dial(served.key, **CONSENTED)
    play(connection, spoken(AGENT), spoken(LEAD))
    lasted = round(1000 * len(spoken(AGENT)) / 16_000)
    play(connection, spoken(["today"]), spoken(["yes"]), offset_ms=lasted + 5_000, first_chunk=5_000)
    call_id = live_call(served, CALL)
    stop(connection)
    call = kept(served, call_id)
    assert said(call, "agent") == [*AGENT, "today"]
    last = [one for one in call.document["turns"] if one["speaker"] == "agent"][-1]
    assert last["start"] == pytest.approx(lasted / 1000 + 5.5, abs=0.2)


def test_more_connections_than_calls_are_refused_and_the_others_unharmed(served: Served, dial: Dial) -> None:
    connections = [dial(served.key, call=f"CA{number}", **CONSENTED) for number in range(20)]
    codes = [code_of(connection) for connection in connections]
    assert sorted(code or 0 for code in codes) == [0] * 3 + [1013] * 17
    alive = [connection for connection, code in zip(connections, codes, strict=True) if code is None]
    for connection in alive:
        play(connection, spoken(AGENT), spoken(LEAD))
    with served.client() as client:
        ids = [one["call_id"] for one in client.get("/v1/calls").json()["calls"]]
        assert [stop(connection) for connection in alive] == [1000] * 3
        assert [said(kept(served, one), "agent") for one in ids] == [AGENT] * 3
        assert client.get("/readyz").json()["calls"] == 0


def code_of(connection: ClientConnection) -> int | None:
    """With which code the service has closed; None if it listens."""
    try:
        connection.recv(timeout=0.3)
    except TimeoutError:
        return None
    except ConnectionClosed as over:
        return over.rcvd.code if over.rcvd else 1006
    raise AssertionError("the service said something")
