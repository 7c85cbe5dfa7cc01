"""The compliance report as one HTML file that asks nothing of a network. Plain data in, text out."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def compliance_html(report: Mapping[str, Any]) -> str:
    """The page of what `lintel.registry.compliance.compliance_report` found."""
    environment = Environment(
        loader=PackageLoader("cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = _figure
    environment.filters["minute"] = _minute
    return environment.get_template("compliance.html.j2").render(report=report)


def _figure(value: object) -> str:
    """Whole numbers with separators, others to four digits; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _minute(moment: str | None) -> str:
    """ISO 8601 without what is smaller than a minute."""
    return "" if moment is None else moment[:16].replace("T", " ")
