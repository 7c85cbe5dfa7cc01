"""A score bundle: one directory with everything that turns events into scores, and nothing that executes.

    bundle.json     what it is: catalogue, labels, data, dimensions, calibrations, sha256 of every other file
    models/         native files, one a member of a dimension
    models/light/   those of the light model, one a dimension
    golden.npz      some simulated leads and what was answered about them
    reference.npz   what was normal when it was judged: what drift is measured from
    metrics.json, model_card.md, plots/

Its digest is the sha256 over the sorted digests of all files. It is written whole or not at all, and read only if
every file is what the manifest says and the code computes the same features, signals and labels.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lintel.errors import IncompatibleError, InputError, NotFoundError
from lintel.events.columns import EventColumns, columns_from_table
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.language.signals import VERSION as SIGNAL_VERSION
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.monitoring.drift.reference import FILE as REFERENCE
from lintel.monitoring.drift.reference import Reference
from lintel.scoring.bundle_manifest import FORMAT, Manifest
from lintel.scoring.bundle_models import dimension_json, read_dimensions, save_light, save_models
from lintel.scoring.contact import NIGHT, ContactProfile, QuietHours
from lintel.scoring.dimension import Dimension
from lintel.scoring.feature_profile import FeatureProfile
from lintel.scoring.golden import GoldenRequest, check_golden, golden_request
from lintel.scoring.light import LightModels, light_scorer
from lintel.scoring.scorecard import Scorecards, scorecards
from lintel.scoring.scorer import Scorer

_MANIFEST, _DIGEST = "bundle.json", "bundle.sha256"
_METRICS, _CARD, _GOLDEN = "metrics.json", "model_card.md", "golden.npz"
_LIGHT = "light"
_FETCH_AGAIN = "Fetch it from the registry again, or train anew."


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of how good the models are. `plots`: file name -> PNG."""

    metrics: Mapping[str, Any]
    model_card: str
    plots: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """Models, what they learnt from, and how good they are. `digest` is empty until it is saved or loaded, and
    `golden` is None until then; it stays so in bundles of before there was one, which have no light model either.
    `reference` is None in bundles of before there was one, and in what `lighter` gives."""

    manifest: Manifest
    scorer: Scorer
    report: Report
    digest: str = ""
    light: LightModels = field(default_factory=dict)
    golden: GoldenRequest | None = None
    reference: Reference | None = None

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def metrics(self) -> Mapping[str, Any]:
        return self.report.metrics

    @property
    def model_card(self) -> str:
        return self.report.model_card

    @cached_property
    def lighter(self) -> "Bundle | None":
        """The same bundle, answering with its light models; None if it has none."""
        if not any(isinstance(one, Dimension) for one in self.light.values()):
            return None
        return replace(self, scorer=light_scorer(self.scorer, self.light), light={}, golden=None, reference=None)

    def check_golden(self) -> None:
        """Ask the golden request, which also warms the models.

        Raises IncompatibleError naming the first number that is another one than when the bundle was trained. A bundle
        of before there were golden requests has nothing to be held against, and is only warmed by its first request.
        """
        if self.golden is not None:
            check_golden(self.golden, self.scorer, self._light_scorer)

    @property
    def _light_scorer(self) -> Scorer | None:
        return None if self.lighter is None else self.lighter.scorer

    def score(
        self,
        events: pa.Table,
        as_of: datetime,
        *,
        explain: bool = False,
        lead_ids: Sequence[str] | None = None,
        time_zone: str = "UTC",
        context: ContextColumns = NO_CONTEXT,
        quiet: QuietHours = NIGHT,
    ) -> list[dict[str, Any]]:
        """Scores of leads from their events (STORED_SCHEMA or INCOMING_SCHEMA), one JSON object a lead.

        Parameters
        ----------
        as_of: with a zone; later events are not read.
        lead_ids: whom to score and in which order; all leads of `events`, sorted, by default.
        time_zone: of the leads, for features of hour and weekday.
        context: market series of the leads' tenant.
        quiet: hours in which no lead is to be contacted.

        Raises InputError for an as-of time without a zone or an unknown time zone.
        """
        if lead_ids is None:
            lead_ids = sorted(pc.unique(events.column("lead_id")).to_pylist())
        columns = columns_from_table(events, pa.array(lead_ids, pa.string()))
        moment = to_microseconds(as_of)
        return self.score_columns(
            columns, lead_ids, moment, explain=explain, time_zone=time_zone, context=context, quiet=quiet
        )

    def score_columns(
        self,
        columns: EventColumns,
        lead_ids: Sequence[str],
        as_of: int,
        *,
        explain: bool = False,
        time_zone: str,
        context: ContextColumns = NO_CONTEXT,
        quiet: QuietHours = NIGHT,
    ) -> list[dict[str, Any]]:
        """As `score`, from columns whose lead codes are positions in `lead_ids`, as of UTC µs."""
        found = self.scorecards(
            columns, lead_ids, as_of, explain=explain, time_zone=time_zone, context=context, quiet=quiet
        )
        return found.cards

    def scorecards(
        self,
        columns: EventColumns,
        lead_ids: Sequence[str],
        as_of: int,
        *,
        explain: bool = False,
        time_zone: str,
        context: ContextColumns = NO_CONTEXT,
        quiet: QuietHours = NIGHT,
    ) -> Scorecards:
        """As `score_columns`, with the features that the scores were made of."""
        zone = utc_offsets(time_zone)
        return scorecards(
            self.scorer,
            self.manifest.asked,
            columns,
            lead_ids,
            as_of=as_of,
            zone=zone,
            explain=explain,
            context=context,
            quiet=quiet,
        )

    def save(self, path: Path) -> "Bundle":
        """Write the folder `path`, whole or not at all, and return the bundle with its digest.

        Raises InputError if there is something at `path` already.
        """
        if path.exists():
            raise InputError(f"there is something at {path.name} already.", mend="Bundles are never overwritten.")
        partial = path.with_name(f".{path.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        golden = golden_request(self.scorer, self._light_scorer)
        whole = replace(self, manifest=replace(self.manifest, format=FORMAT), golden=golden)
        try:
            digest = _write(whole, partial)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return replace(whole, digest=digest)

    @classmethod
    def load(cls, path: Path | str) -> "Bundle":
        """Read and verify a folder.

        Raises NotFoundError if there is no bundle, IncompatibleError if a file is missing, corrupt or not of the
        bundle, or if it was trained with other features, signals or labels than this code computes.
        """
        folder = Path(path)
        content = _verified_manifest(folder)
        try:
            manifest = Manifest.from_json(content["manifest"])
            _check_versions(manifest)
            report, digest = _read_report(folder), (folder / _DIGEST).read_text().strip()
            scorer, reference = _read_scorer(folder, content), Reference.load(folder)
            if manifest.format != FORMAT:
                return cls(manifest, scorer, report, digest, reference=reference)
            light = read_dimensions(folder / "models" / _LIGHT, content[_LIGHT])
            return cls(manifest, scorer, report, digest, light, GoldenRequest.load(folder / _GOLDEN), reference)
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleError(
                f"{_MANIFEST} of bundle {folder.name} cannot be read ({type(error).__name__}: {error}).",
                mend=_FETCH_AGAIN,
            ) from None


def _write(bundle: Bundle, folder: Path) -> str:
    (folder / "models" / _LIGHT).mkdir(parents=True)
    (folder / "plots").mkdir()
    save_models(bundle.scorer, folder / "models")
    save_light(bundle.light, folder / "models" / _LIGHT)
    if bundle.golden is not None:
        bundle.golden.save(folder / _GOLDEN)
    if bundle.reference is not None:
        bundle.reference.save(folder / REFERENCE)
    for name, image in bundle.report.plots.items():
        (folder / "plots" / name).write_bytes(image)
    (folder / _METRICS).write_text(_json(bundle.report.metrics), encoding="utf-8")
    (folder / _CARD).write_text(bundle.report.model_card, encoding="utf-8")
    content = {
        "manifest": bundle.manifest.to_json(),
        **_scorer_json(bundle.scorer),
        _LIGHT: {name: dimension_json(one) for name, one in bundle.light.items()},
        "files": _file_digests(folder),
    }
    (folder / _MANIFEST).write_text(_json(content), encoding="utf-8")
    digest = _bundle_digest(folder)
    (folder / _DIGEST).write_text(digest + "\n", encoding="utf-8")
    return digest


def _file_digests(folder: Path) -> dict[str, str]:
    """sha256 of every file but the digest's own, by path inside the folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != _DIGEST)
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def _bundle_digest(folder: Path) -> str:
    digests = "\n".join(sorted(_file_digests(folder).values()))
    return f"sha256:{sha256(digests.encode()).hexdigest()}"


def _verified_manifest(folder: Path) -> dict[str, Any]:
    """The content of bundle.json, after every file was checked against it."""
    if not (folder / _MANIFEST).is_file() or not (folder / _DIGEST).is_file():
        raise NotFoundError(f"There is no score bundle in {folder.name}.", mend=_FETCH_AGAIN)
    try:
        content: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
        expected = dict(content["files"])
    except (ValueError, KeyError, TypeError):
        raise IncompatibleError(f"{_MANIFEST} of bundle {folder.name} is corrupt.", mend=_FETCH_AGAIN) from None
    found = _file_digests(folder)
    found.pop(_MANIFEST)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            fault = "is missing" if name not in found else "is not of it" if name not in expected else "was changed"
            raise IncompatibleError(f"file {name} of bundle {folder.name} {fault}.", mend=_FETCH_AGAIN)
    if (folder / _DIGEST).read_text(encoding="utf-8").strip() != _bundle_digest(folder):
        raise IncompatibleError(f"{_MANIFEST} of bundle {folder.name} was changed.", mend=_FETCH_AGAIN)
    return content


def _check_versions(manifest: Manifest) -> None:
    if manifest.feature_digest != catalogue().digest:
        raise IncompatibleError(
            f"the bundle was trained on feature version {manifest.feature_digest[:19]}, this code computes "
            f"{catalogue().digest[:19]}.",
            mend="Train a bundle with this code, or run the code that trained it.",
        )
    if manifest.signal_version != SIGNAL_VERSION:
        raise IncompatibleError(
            f"the bundle was trained on signals of version {manifest.signal_version}, this code computes "
            f"{SIGNAL_VERSION}.",
            mend="Train a bundle with this code, or run the code that trained it.",
        )
    try:
        labels = load_label_set(manifest.label_source)
    except NotFoundError:
        return  # a tenant's own label file, which need not be here to score
    if labels.digest != manifest.label_digest:
        raise IncompatibleError(
            f"the bundle was trained on labels {manifest.label_version}, this code has another {labels.name}.",
            mend="Train a bundle with this code, or run the code that trained it.",
        )


def _scorer_json(scorer: Scorer) -> dict[str, Any]:
    features = [
        {**one.definition, "label": one.label, "meaning": one.meaning, "missing": one.missing}
        for one in scorer.catalogue.features
    ]
    return {
        "features": features,
        "profile": scorer.profile.to_json(),
        "typical_amount": scorer.typical_amount,
        "contact": None if scorer.contact is None else scorer.contact.to_json(),
        "dimensions": {name: dimension_json(one, scorer.encoders) for name, one in scorer.dimensions.items()},
    }


def _read_scorer(folder: Path, content: Mapping[str, Any]) -> Scorer:
    dimensions = read_dimensions(folder / "models", content["dimensions"])
    profile = FeatureProfile.from_json(content["profile"])
    contact = None if content["contact"] is None else ContactProfile.from_json(content["contact"])
    return Scorer(catalogue(), dimensions, profile, content["typical_amount"], contact)


def _read_report(folder: Path) -> Report:
    plots = {path.name: path.read_bytes() for path in sorted((folder / "plots").glob("*.png"))}
    return Report(json.loads((folder / _METRICS).read_bytes()), (folder / _CARD).read_text(encoding="utf-8"), plots)


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
