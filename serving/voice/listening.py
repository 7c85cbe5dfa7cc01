"""What live calls are heard with: the chosen models, and for each call a coach with the team's playbook."""

from collections.abc import Callable

from lintel.home import Home
from lintel.settings import Settings
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.coaching.usefulness import Usefulness, muted
from lintel.voice.transcription.loading import load
from lintel.voice.understanding.understanding import Understanding
from serving.voice.calls import CallLimits, Calls, CallStart
from serving.voice.transcriber import model_name


def open_calls(settings: Settings, home: Home) -> Calls:
    """Load the models of the settings. Raises NotFoundError, which names how to install it, for one that is not there;
    InputError for a playbook that is wrong."""
    names = [model_name(settings), *([settings.voice_small_model] if settings.voice_small_model else [])]
    engines = [load(name, settings) for name in names]
    playbook = Playbook.load(settings.voice_playbook)
    limits = CallLimits(calls=settings.voice_calls)
    return Calls(engines, coach=coaches(playbook, home), understanding=Understanding(), limits=limits)


def coaches(playbook: Playbook, home: Home) -> Callable[[CallStart], Coach]:
    """Makes the coach of a call, without the cards that the tenant's agents have found useless."""

    def coach(start: CallStart) -> Coach:
        records = home.calls.card_records(start.tenant)
        judged = [Usefulness(one.rule, one.useful, one.useful + one.dismissed) for one in records]
        return Coach(playbook, muted=muted(judged))

    return coach
