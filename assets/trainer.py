"""Who trained, as far as a Dagster run tells: a schedule or sensor, or the person who launched it."""

from collections.abc import Mapping

from lintel.registry.actor import Actor, machine, person

PERSON_TAG = "lintel/person"
"""Tag of a run that a person launched from the command line, or asked a sensor for."""
_AUTOMATED = ("dagster/schedule_name", "dagster/sensor_name")
_NAMELESS = "somebody in the Dagster UI"


def trainer(tags: Mapping[str, str]) -> Actor:
    """From a run's tags. Dagster's UI has no names: whoever launches a run there is a person without one."""
    if PERSON_TAG not in tags and any(name in tags for name in _AUTOMATED):
        return machine("nightly")
    return person(tags.get(PERSON_TAG, _NAMELESS))
