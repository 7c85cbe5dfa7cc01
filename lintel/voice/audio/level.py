"""How loud a recording is, and raising what is too quiet."""

import numpy as np

from lintel.voice.audio.samples import Samples


def raised(samples: Samples, level_db: float) -> Samples:
    """Samples whose root mean square is at least `level_db` of full scale; what then exceeds full scale is cut. Silence
    stays silence."""
    wanted = 10 ** (level_db / 20)
    loudness = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    if not 0 < loudness < wanted:
        return samples
    return np.clip(samples * np.float32(wanted / loudness), -1.0, 1.0)
