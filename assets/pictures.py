"""Pictures in Dagster's metadata."""

from base64 import b64encode

import dagster as dg


def picture(png: bytes) -> dg.MetadataValue:
    """A PNG as Markdown that the Dagster UI renders in place."""
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{b64encode(png).decode()})")
