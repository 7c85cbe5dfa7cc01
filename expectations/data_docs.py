"""One Data Docs site for all suites and tenants: static pages, made by Great Expectations itself."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult, RunIdentifier
from great_expectations.data_context import AbstractDataContext
from great_expectations.data_context.types.base import DataContextConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from expectations.suite import RuleResult, SuiteResult

_SITE = "lintel"
_MEMORY = {"class_name": "InMemoryStoreBackend"}
_RUN = "nightly"


class DataDocs:
    """The site under `root`/site, made from the results under `root`/results; the newest `kept` of each suite and
    tenant stay."""

    def __init__(self, root: Path, kept: int) -> None:
        self._root = root
        self._kept = kept

    @property
    def index(self) -> Path:
        """The page to begin at."""
        return self._root / "site" / "index.html"

    def add(self, tenant: str, result: SuiteResult, at: datetime) -> Path:
        """Write the page of a result, and the index; pages that are too old go. The path of the new page."""
        context = _context(self._root)
        run = RunIdentifier(run_name=_RUN, run_time=at.astimezone(UTC))
        key = ValidationResultIdentifier(ExpectationSuiteIdentifier(result.suite), run, tenant)
        store = context.validation_results_store
        store.set(key, _validation_result(tenant, result, run))
        for old in _surplus(store.list_keys(), self._kept):
            store.remove_key(old)
        context.build_data_docs(site_names=[_SITE], resource_identifiers=[key])
        (page,) = context.get_docs_sites_urls(resource_identifier=key, site_names=[_SITE])
        return Path(str(page["site_url"]).removeprefix("file://"))


def _surplus(keys: Iterable[ValidationResultIdentifier], kept: int) -> list[ValidationResultIdentifier]:
    """All but the newest `kept` of each suite and tenant."""
    found: dict[tuple[str, str], list[ValidationResultIdentifier]] = defaultdict(list)
    for key in keys:
        found[key.expectation_suite_identifier.name, key.batch_identifier].append(key)
    return [key for some in found.values() for key in sorted(some, key=lambda one: one.run_id.run_time)[:-kept]]


def _context(root: Path) -> AbstractDataContext:
    """Nothing of it outlives a call but the results and the site."""
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(root / "site")},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "site_section_builders": {"expectations": "none", "profiling": "none"},
    }
    results = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(root / "results")}
    config = DataContextConfig(
        config_version=4.0,
        stores={
            "expectations": {"class_name": "ExpectationsStore", "store_backend": _MEMORY},
            "checkpoint_store": {"class_name": "CheckpointStore", "store_backend": _MEMORY},
            "validation_definition_store": {"class_name": "ValidationDefinitionStore", "store_backend": _MEMORY},
            "results": {"class_name": "ValidationResultsStore", "store_backend": results},
        },
        expectations_store_name="expectations",
        validation_results_store_name="results",
        checkpoint_store_name="checkpoint_store",
        data_docs_sites={_SITE: site},
        analytics_enabled=False,
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def _validation_result(tenant: str, result: SuiteResult, run: RunIdentifier) -> ExpectationSuiteValidationResult:
    held = result.evaluated - len(result.failures)
    statistics = {
        "evaluated_expectations": result.evaluated,
        "successful_expectations": held,
        "unsuccessful_expectations": result.evaluated - held,
        "success_percent": 100.0 * held / result.evaluated if result.evaluated else None,
    }
    meta: dict[str, Any] = {
        "great_expectations_version": gx.__version__,
        "run_id": run.to_json_dict(),
        "batch_markers": {},
        "active_batch_definition": {
            "datasource_name": _SITE,
            "data_connector_name": _RUN,
            "data_asset_name": tenant,
            "batch_identifiers": {},
        },
    }
    judged = [_of_rule(one) for one in result.results]
    return ExpectationSuiteValidationResult(result.success, judged, result.suite, statistics=statistics, meta=meta)


def _of_rule(result: RuleResult) -> ExpectationValidationResult:
    """Counts alone: pages outlive erasure, so that they hold no value of the data."""
    return ExpectationValidationResult(
        success=result.success,
        expectation_config=result.rule.expectation.configuration,
        result=_counts(result),
        meta={"rule": result.rule.name, "consequence": result.rule.consequence.value},
    )


def _counts(result: RuleResult) -> Mapping[str, Any]:
    if result.faulty is None:
        return {"observed_value": result.observed}
    return {
        "element_count": result.rows,
        "unexpected_count": result.unexpected,
        "unexpected_percent": 100.0 * result.share,
        "missing_count": 0,
        "missing_percent": 0.0,
        "unexpected_percent_total": 100.0 * result.share,
        "unexpected_percent_nonmissing": 100.0 * result.share,
        "partial_unexpected_list": [],
    }
