"""Building the `voice` bento: our code. The weights stay outside, in the folder of the settings."""

from bentos.bento import Recipe, build_bento
from lintel.settings import Settings

NAME = "voice"
SYSTEM_PACKAGES = ("libgomp1",)
"""Debian packages of the image: CTranslate2's threads. PyAV brings its own FFmpeg."""


def build(*, settings: Settings) -> str:
    """Build the bento and return its tag, `voice:SOURCE`. Raises UnavailableError with BentoML's words if it fails."""
    recipe = Recipe(
        NAME,
        "bentos.voice.service:Voice",
        docker={"distro": "debian", "python_version": "3.11", "system_packages": list(SYSTEM_PACKAGES)},
    )
    return build_bento(recipe, settings=settings)
