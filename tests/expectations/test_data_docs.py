"""The Data Docs site: one index, a page a result, no values, and no more than are to be kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import great_expectations.expectations as gxe
import pyarrow as pa

from expectations.data_docs import DataDocs
from expectations.evaluation import evaluate
from expectations.rule import rule
from expectations.suite import SuiteResult

AT = datetime(2026, 3, 1, tzinfo=UTC)


def result(suite: str = "events") -> SuiteResult:
    table = pa.table({"lead_id": ["jane@example.com", "jane@example.com", "b"], "x": [1, 2, 3]})
    rules = [
        rule("lead_unique", gxe.ExpectColumnValuesToBeUnique(column="lead_id"), "no lead occurs twice"),
        rule("rows", gxe.ExpectTableRowCountToBeBetween(min_value=1), "there are rows"),
    ]
    return evaluate(table, suite, rules)


def pages(root: Path) -> list[Path]:
    return sorted((root / "site" / "validations").rglob("*.html"))


def test_a_page_says_what_was_broken_and_holds_no_values(tmp_path: Path) -> None:
    docs = DataDocs(tmp_path, kept=3)
    page = docs.add("acme", result(), AT)
    text = page.read_text(encoding="utf-8")
    assert pages(tmp_path) == [page]
    assert "no lead occurs twice" in text
    assert "2 unexpected values found" in text
    everything = [
        path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.*") if path.suffix in {".html", ".json"}
    ]
    assert not [one for one in everything if "jane" in one]
    assert "acme" in docs.index.read_text(encoding="utf-8")


def test_the_newest_results_of_each_suite_and_tenant_stay(tmp_path: Path) -> None:
    docs = DataDocs(tmp_path, kept=2)
    for day in range(4):
        newest = docs.add("acme", result(), AT + timedelta(days=day))
    docs.add("other", result(), AT)
    docs.add("acme", result("scores"), AT)
    left = pages(tmp_path)
    assert len(left) == 4
    assert newest in left
    assert len(list((tmp_path / "results").rglob("*.json"))) == 4
