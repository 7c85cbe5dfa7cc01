"""Who has agreed to be heard. Pure: a state, what happened, the next state.

Several US states ask for everybody's consent to a recording, the others for one party's; which applies to a call is for
the operator to know, so everybody is the default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from lintel.errors import InputError

Policy = Literal["all_party", "one_party"]
State = Literal["unknown", "granted", "refused", "withdrawn"]

STATES: tuple[State, ...] = ("unknown", "granted", "refused", "withdrawn")


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent of one call.

    `states` has one entry a speaker. `disclosed` says whether the speakers were told that they are listened to; telling
    is not agreeing, so it opens nothing.
    """

    policy: Policy
    states: Mapping[str, State]
    disclosed: bool = False

    @classmethod
    def unknown(cls, speakers: Sequence[str], policy: Policy = "all_party") -> "Consent":
        """Nobody was asked yet."""
        return cls(policy, dict.fromkeys(speakers, "unknown"))

    def said(self, speaker: str, state: str) -> "Consent":
        """After a speaker has spoken on it.

        Who refuses after having agreed has withdrawn, and a withdrawal is final. Raises InputError for a speaker or a
        state that does not exist.
        """
        if speaker not in self.states:
            raise InputError(f"The call has no speaker {speaker!r}.", mend=f"Speakers: {', '.join(self.states)}.")
        if state not in STATES:
            raise InputError(f"{state!r} is no state of consent.", mend=f"States: {', '.join(STATES)}.")
        before = self.states[speaker]
        if before == "withdrawn" or (before == "granted" and state in ("refused", "unknown")):
            state = "withdrawn"
        return replace(self, states={**self.states, speaker: cast(State, state)})

    def told(self) -> "Consent":
        """After the speakers were told that they are listened to."""
        return replace(self, disclosed=True)

    @property
    def state(self) -> State:
        """Of the call: one speaker's no outweighs the others' yes under either policy."""
        said = set(self.states.values())
        if "withdrawn" in said:
            return "withdrawn"
        if "refused" in said:
            return "refused"
        agreed = said == {"granted"} if self.policy == "all_party" else "granted" in said
        return "granted" if agreed else "unknown"

    @property
    def granted(self) -> bool:
        """Whether a frame may be heard."""
        return self.state == "granted"

    @property
    def missing(self) -> tuple[str, ...]:
        """Speakers whose word is still needed; nobody's once the call may be heard, or may not be any more."""
        if self.state in ("granted", "withdrawn"):
            return ()
        return tuple(speaker for speaker, state in self.states.items() if state != "granted")
