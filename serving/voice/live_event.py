"""What a live call tells those who watch it, in the order in which it happened."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["consent", "committed", "tentative", "turn", "card", "step", "meter", "lag", "gap", "ended"]


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """`number` counts from 1 within a call, so that a watcher who comes back can say what it has seen; `at` is seconds
    on the call's audio clock. `data` is JSON, its fields by kind:

    - `consent`: `state` ("unknown", "granted", "refused", "withdrawn"), `disclosed` (bool), `missing` (speakers).
    - `committed`: `channel`, `speaker`, `words` ([{"text", "start", "end", "probability"}]); never taken back.
    - `tentative`: the same; replaces the channel's tentative words before it.
    - `turn`: `speaker`, `start`, `end`, `text`, `insights` (what it means, see `lintel.voice.understanding`).
    - `card`: `card` (see `lintel.voice.coaching`), or `card_id` and `state` ("dismissed", "useful").
    - `step`: `playbook`, `step`, `done` (bool), `quote`.
    - `meter`: `talk_share` (by speaker), `longest_monologue_s`, `silence_s`, `interruptions`, `questions`.
    - `lag`: `lag_ms` by channel, `model`, `chunk_seconds`.
    - `gap`: `channel`, `seconds` of audio that the network lost (silence stands for it).
    - `ended`: `reason` ("hung_up", "vanished", "consent_withdrawn", "shut_down", "too_long").
    """

    number: int
    at: float
    kind: Kind
    data: dict[str, Any]
