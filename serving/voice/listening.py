"""What live calls are heard and read with: the chosen models, and for each call a coach with the team's playbook."""

from dataclasses import dataclass

from lintel.home import Home
from lintel.settings import Settings
from lintel.voice.coaching.coach import Coach
from lintel.voice.recorded import Tools, usefulness
from lintel.voice.transcription.loading import load
from serving.voice.calls import CallLimits, Calls, CallStart


@dataclass(frozen=True, slots=True)
class Listening:
    """The live calls, and what they are read with once they are over."""

    calls: Calls
    tools: Tools


def open_listening(settings: Settings, home: Home) -> Listening:
    """Load the models of the settings. Raises NotFoundError, which names how to install it, for one that is not there;
    InputError for a playbook that is wrong."""
    names = [settings.transcription_model, *([settings.voice_small_model] if settings.voice_small_model else [])]
    engines = [load(name, settings) for name in names]
    tools = Tools.load(settings)

    def coach(start: CallStart) -> Coach:
        return tools.coach(usefulness(home.calls.card_records(start.tenant)))

    limits = CallLimits(calls=settings.voice_calls)
    return Listening(Calls(engines, coach=coach, understanding=tools.understanding, limits=limits), tools)
