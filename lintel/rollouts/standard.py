"""The plan that the settings ask for, where nobody gives another one."""

from lintel.rollouts.plan import Plan, Strategy
from lintel.settings import Settings

_AT_ONCE = (1.0,)


def standard_plan(settings: Settings, strategy: Strategy) -> Plan:
    """The plan of a strategy with the times and counts of the settings; blue-green has one step, whatever they say."""
    return Plan(
        strategy,
        _AT_ONCE if strategy is Strategy.BLUE_GREEN else settings.rollout_steps,
        step_seconds=settings.rollout_step_seconds,
        step_answers=settings.rollout_step_answers,
        longest_seconds=settings.rollout_longest_seconds,
        watch_seconds=settings.rollout_watch_seconds,
    )
