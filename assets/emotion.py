"""The emotion model, trained from a brokerage's own labelled clips."""

from datetime import UTC, datetime

import dagster as dg
import numpy as np

from lintel.home import Home
from lintel.voice.affect.emotion_training import train
from lintel.voice.affect.encoder import SpeechEncoder
from lintel.voice.affect.labelled import labelled_clips, readable


@dg.asset(group_name="voice", kinds={"whisper"}, code_version="1")
def emotion_model(home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """A model of the emotions that a folder of clips is labelled with, judged on speakers it has not heard."""
    options = home.settings
    folder = options.voice_emotion_folder
    if folder is None:
        return dg.MaterializeResult(metadata={"waits_for": "LINTEL_VOICE_EMOTION_FOLDER, a folder of labelled clips"})
    unreadable: list[str] = []
    heard = list(readable(labelled_clips(folder), unreadable))
    model, judged = train(
        SpeechEncoder.load(options).vectors([samples for _, samples in heard]),
        [clip.label for clip, _ in heard],
        [clip.speaker for clip, _ in heard],
        np.random.default_rng(0),
        source=folder.name,
        today=datetime.now(UTC).date(),
    )
    model.save(options.voice_readers / "emotion")
    return dg.MaterializeResult(
        metadata={
            "unweighted_accuracy": judged.unweighted,
            "low": judged.low,
            "high": judged.high,
            "chance": 1 / len(model.labels),
            "clips": judged.clips,
            "speakers": judged.speakers,
            "labels": list(model.labels),
            "answered": model.card["held_out"]["answered"],
            "unreadable": unreadable[:20],
        }
    )
