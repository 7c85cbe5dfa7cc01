"""One frozen settings object, built once from the environment (`LINTEL_*`); no other module reads `os.environ`."""

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from lintel.registry.risk import Risk
from lintel.rollouts.plan import Strategy


class Settings(BaseSettings):
    """Everything that an operator may set. Each field is documented in `docs/settings.md`, made from here."""

    model_config = SettingsConfigDict(env_prefix="LINTEL_", frozen=True, populate_by_name=True, extra="ignore")

    home: Path = Field(
        default=Path(".lintel"),
        description="Folder of everything Lintel writes: event store, lake, registry, bundles, Dagster's own files.",
    )
    store_url: str | None = Field(
        default=None, description="SQLAlchemy address of the event store; null means SQLite in `home`."
    )
    registry_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("LINTEL_REGISTRY_URL", "ML_MODEL_REGISTRY_URL"),
        description="MLflow tracking and registry address; null means SQLite in `home`.",
    )
    data_mirror: Path | None = Field(
        default=None, description="Folder that mirrors published data sets, one subfolder a data set."
    )
    host: str = Field(default="127.0.0.1", description="Address the services listen on.")
    port: int = Field(default=3000, ge=1, le=65535, description="Port of the `lead_scoring` service.")
    voice_port: int = Field(default=3001, ge=1, le=65535, description="Port of the `voice` service.")
    dagster_port: int = Field(default=3100, ge=1, le=65535, description="Port of the Dagster UI (`make up`).")
    mlflow_port: int = Field(default=3200, ge=1, le=65535, description="Port of the MLflow UI (`make up`).")
    inference_workers: int = Field(
        default=1,
        ge=1,
        le=100,
        validation_alias=AliasChoices("LINTEL_INFERENCE_WORKERS", "REALTIME_INFERENCE_WORKERS"),
        description="Worker processes of the scoring service; the least of them where their number follows the load.",
    )
    inference_workers_max: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Most worker processes; null means `inference_workers`, whatever the load.",
    )
    scaling_queue_wait_seconds: float = Field(
        default=0.05, gt=0, description="Queue wait of interactive rows above which workers are added."
    )
    scaling_utilisation: float = Field(
        default=0.7, gt=0, le=1, description="Share of the workers' capacity that should be in use."
    )
    scaling_down_seconds: float = Field(
        default=300.0, gt=0, description="How long a worker must have been too many before it goes."
    )
    supervisor: Path | None = Field(
        default=None, description="Socket to which a worker reports; its supervisor sets this, nobody else."
    )
    batch_rows: int = Field(
        default=200_000,
        ge=1_000,
        validation_alias=AliasChoices("LINTEL_BATCH_ROWS", "ANALYTICS_BATCH_SIZE"),
        description="Rows read or written at a time by nightly runs.",
    )
    voice_model_path: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("LINTEL_VOICE_MODEL_PATH", "VOICE_AI_MODEL_PATH"),
        description="Transcription model of your own, used where none is named: a CTranslate2 folder or an "
        "openai-whisper checkpoint.",
    )
    weights_path: Path | None = Field(
        default=None,
        description="Folder of the weights that `lintel models pull` installs; null means `weights` in `home`.",
    )
    voice_model: str = Field(default="tiny.en", description="Transcription model of the `voice` service.")
    voice_small_model: str | None = Field(
        default=None,
        description="Smaller model that live calls fall back on while the first is too slow; null means none.",
    )
    voice_playbook: Path | None = Field(
        default=None, description="YAML file of the coach's cards and steps; null means the playbook that ships."
    )
    voice_calls: int = Field(default=4, ge=1, description="Most live calls at once; more are refused for now.")
    voice_short_seconds: float = Field(
        default=60.0, gt=0, le=600, description="Longest audio that `POST /v1/transcribe` takes."
    )
    voice_short_bytes: int = Field(
        default=12_000_000, ge=1_000, description="Largest body of `POST /v1/transcribe`, in bytes."
    )
    voice_recording_hours: float = Field(
        default=4.0, gt=0, description="Longest recording that `POST /v1/calls/analyse` takes."
    )
    voice_recording_bytes: int = Field(
        default=1_000_000_000, ge=1_000, description="Largest body of `POST /v1/calls/analyse`, in bytes."
    )
    voice_inbox: Path | None = Field(
        default=None,
        description="Folder whose recordings are analysed, `TENANT/NAME.wav` with `TENANT/NAME.json` beside it; null "
        "means `inbox` in `home`.",
    )
    voice_reference: Path | None = Field(
        default=None,
        description="Recordings with their words, on which transcription is measured again each week: a folder with "
        "`refs.tsv` (columns `id`, `speaker`, `file`, `text`).",
    )
    voice_affect: bool = Field(
        default=False,
        description="Whether the analysis of a recorded call tells how the customer's voice changed. The agent's is "
        "never measured.",
    )
    voice_emotion_folder: Path | None = Field(
        default=None,
        description="Clips labelled with emotions, from which the asset `emotion_model` trains: a folder with "
        "`labels.tsv` (columns `file`, `speaker`, `label`).",
    )
    voice_ice_servers: SecretStr | None = Field(
        default=None,
        description="STUN and TURN servers of browser calls, as a JSON list: "
        '`[{"urls": "turn:turn.example.com:3478", "username": "...", "credential": "..."}]`. Null: none, which is '
        "enough in one network.",
    )
    claude_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("LINTEL_CLAUDE_KEY", "ANTHROPIC_API_KEY"),
        description="Key of Claude, which then writes summaries of redacted calls; null: they are extracts.",
    )
    claude_model: str = Field(default="claude-sonnet-4-5", description="Claude's model.")
    claude_url: str = Field(default="https://api.anthropic.com", description="Where Claude's Messages API is.")
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest request body, in bytes.")
    max_leads: int = Field(default=200, ge=1, description="Most leads in one scoring request.")
    max_events: int = Field(default=1_000, ge=1, description="Most events in one append request.")
    interactive_leads: int = Field(
        default=20, ge=1, description="Most leads of an interactive request; one with more is bulk."
    )
    event_leads: int = Field(default=50, ge=1, description="Most leads of an event request; one with more is bulk.")
    interactive_timeout_ms: int = Field(
        default=1_000, ge=1, le=60_000, description="How long an interactive request may take."
    )
    event_timeout_ms: int = Field(default=10_000, ge=1, le=60_000, description="How long an event request may take.")
    bulk_timeout_ms: int = Field(default=30_000, ge=1, le=60_000, description="How long a bulk request may take.")
    interactive_slo_ms: float = Field(
        default=100.0, gt=0, description="Objective of interactive answers; missing it starts the brown-out."
    )
    interactive_slo_share: float = Field(
        default=0.99, gt=0, lt=1, description="Share of interactive answers that are to keep the objective."
    )
    quota_rows_per_second: float | None = Field(
        default=None, gt=0, description="Leads a second that each tenant may have scored; null means no quota."
    )
    quota_burst_rows: int = Field(default=1_000, ge=1, description="Leads of a tenant's quota that may come at once.")
    quota_key_rows_per_second: float | None = Field(
        default=None, gt=0, description="Leads a second that each key may have scored; null means no quota."
    )
    quota_key_burst_rows: int = Field(default=1_000, ge=1, description="Leads of a key's quota that may come at once.")
    quota_overrides: dict[str, tuple[PositiveFloat, PositiveInt]] = Field(
        default={},
        description="Leads a second and at once of single tenants (`acme`) and keys (`acme/website`), as JSON: "
        '`{"acme": [50, 200], "acme/website": [10, 50]}`.',
    )
    tenant_share: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of the queue that a tenant may take of what the others leave; alone it may take all.",
    )
    key_share: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of its tenant's part of the queue that a key may take of what the tenant's others leave.",
    )
    tenant_weights: dict[str, PositiveFloat] = Field(
        default={}, description="Weights of single tenants' shares, as JSON; 1 unless named."
    )
    redis_url: str | None = Field(
        default=None,
        description="Redis address of limits that hold over all workers; null means limits of each worker.",
    )
    redis_timeout_ms: float = Field(
        default=20.0, gt=0, description="How long Redis may take before the worker's own limits are used instead."
    )
    traffic_poll_seconds: float = Field(default=1.0, gt=0, description="How often workers read the traffic table.")
    prediction_log_days: int = Field(default=90, ge=1, description="Days that the prediction log is kept in the lake.")
    prediction_log_feature_rate: float = Field(
        default=0.02, ge=0, le=1, description="Share of the logged answers that keep the features they were made of."
    )
    prediction_log_flush_seconds: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="How often a worker writes its answers to its segment of the prediction log.",
    )
    prediction_log_max_rows: int = Field(
        default=50_000,
        ge=1,
        description="Most answers of a worker that wait for the disk; more are dropped and counted.",
    )
    prediction_log_max_bytes: int = Field(
        default=64_000_000, ge=10_000, description="Most bytes of answers of a worker that wait for the disk."
    )
    hot_state_mb: int = Field(
        default=256,
        ge=1,
        description="Megabytes of leads' events that a worker of the scoring service keeps in memory.",
    )
    score_cache_entries: int = Field(
        default=20_000,
        ge=0,
        description="Answers that a scoring worker keeps until an event of the lead or a new model; 0 keeps none.",
    )
    audit_key: SecretStr | None = Field(
        default=None,
        description="Key that seals the audit log: who has the database but not the key cannot write it anew. Null "
        "means lines that are only chained.",
    )
    risk: Risk = Field(
        default=Risk.STANDARD,
        description="What a wrong model may cost: `standard` approves a version when all its gates pass, `high` always "
        "asks a person who neither trained nor registered it.",
    )
    risk_overrides: dict[str, Risk] = Field(
        default={}, description='Risk classes of single tenants, as JSON: `{"acme": "high"}`.'
    )
    rollout_strategy: Strategy | None = Field(
        default=None,
        description="How an approved version takes over from the champion; null means all leads at once.",
    )
    rollout_steps: tuple[float, ...] = Field(
        default=(0.01, 0.05, 0.25, 0.5, 1.0),
        description="Rising shares of the leads that a rollout goes through, as JSON; the last is 1.",
    )
    rollout_step_seconds: float = Field(default=3_600.0, ge=0, description="Least time between two steps of a rollout.")
    rollout_step_answers: int = Field(
        default=200, ge=0, description="Least answers of the new model in a step of a rollout."
    )
    rollout_longest_seconds: float = Field(
        default=7 * 86_400.0, gt=0, description="After so long a rollout that could not be decided asks a person."
    )
    rollout_watch_seconds: float = Field(
        default=30 * 86_400.0,
        ge=0,
        description="How long the way back stays armed after the last step of a rollout: outcomes mature meanwhile.",
    )
    restore_alias: bool = Field(
        default=True,
        description="Whether MLflow's alias `champion` is put back when somebody moved it by hand. It is noticed and "
        "logged either way.",
    )
    gate_set_aside_share: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="Largest share of a data set's rows that a gate sets aside before the run goes on; more block it.",
    )
    gate_results_kept: int = Field(
        default=30, ge=1, description="Results of each gate and tenant that the Data Docs and `lintel gates` keep."
    )
    alert_rules: Path | None = Field(
        default=None, description="TOML file that changes, adds or ends alert rules, for all tenants or some."
    )
    alert_webhook_url: SecretStr | None = Field(
        default=None, description="Address of a webhook that is sent every alert as JSON."
    )
    alert_webhook_secret: SecretStr | None = Field(
        default=None, description="Secret that signs what the webhook is sent; null means it is not signed."
    )
    alert_slack_url: SecretStr | None = Field(
        default=None, description="Address of a Slack-compatible incoming webhook that is sent every alert."
    )
    alert_smtp_url: SecretStr | None = Field(
        default=None, description="Mail server for alerts: `smtp://USER:PASSWORD@HOST:PORT`."
    )
    alert_email_from: str | None = Field(default=None, description="Sender of alerts by e-mail.")
    alert_email_to: tuple[str, ...] = Field(default=(), description="Recipients of alerts by e-mail, as a JSON list.")
    alert_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts of webhooks that may have private addresses and be spoken to without TLS, as a JSON list.",
    )
    alert_messages_per_hour: int = Field(
        default=60, ge=1, description="Most alert messages to a sink in an hour; what is more waits and is grouped."
    )
    alert_runbooks_url: str = Field(
        default="docs/runbooks/", description="What the addresses of runbooks in alerts begin with."
    )
    training_window_days: float | None = Field(
        default=None, gt=0, description="Nightly training learns from points of the last so many days; null means all."
    )
    drift_window_days: float = Field(
        default=28.0, gt=0, description="Days whose decision points are compared with the champion's reference."
    )
    trainings_a_day: int = Field(
        default=4,
        ge=1,
        description="Most trainings of a tenant in 24 hours; nights, retries and persons may exceed it.",
    )
    training_cool_down_hours: float = Field(
        default=6.0, ge=0, description="Least hours between a training and one that new data, drift or losses ask for."
    )
    training_retries: int = Field(
        default=3, ge=0, le=10, description="How often a failed nightly run is tried again, after 10, 30, 90 minutes."
    )
    new_outcomes: int = Field(
        default=100, ge=1, description="Least leads with new outcomes of a dimension that ask for a training."
    )
    new_outcomes_share: float = Field(
        default=0.25, gt=0, description="The same, as a share of the leads that the model learnt from."
    )
    recalibrate: bool = Field(
        default=False,
        description="Whether each night's calibration of the champion on its newest outcomes is registered as a "
        "candidate when it does no worse.",
    )
    seed: int = Field(default=7, description="Seed of every random choice in training and sampling.")

    @property
    def events_url(self) -> str:
        return self.store_url or f"sqlite:///{(self.home / 'events.db').resolve()}"

    @property
    def state_url(self) -> str:
        """Scores, traffic and keys: a second file, so that their writers never wait for a bulk load of events."""
        return f"sqlite:///{(self.home / 'state.db').resolve()}"

    @property
    def mlflow_url(self) -> str:
        return self.registry_url or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def artifacts_path(self) -> Path:
        return (self.home / "mlartifacts").resolve()

    @property
    def lake_path(self) -> Path:
        return (self.home / "lake").resolve()

    @property
    def prediction_segments_path(self) -> Path:
        """Segments of the prediction log: every worker appends to its own until the compaction takes them."""
        return (self.home / "predictions" / "segments").resolve()

    @property
    def worker_models_path(self) -> Path:
        """What each worker of the scoring service says of its models."""
        return (self.home / "run" / "models").resolve()

    @property
    def bundles_path(self) -> Path:
        """Bundles by digest, so that serving never needs MLflow."""
        return (self.home / "bundles").resolve()

    @property
    def weights_folder(self) -> Path:
        """Weights of voice models, a folder a name."""
        return (self.weights_path or self.home / "weights").resolve()

    @property
    def last_scores_path(self) -> Path:
        """The newest answers, outside the databases: what is told while these do not answer."""
        return (self.home / "last_scores").resolve()

    @property
    def monitoring_path(self) -> Path:
        """What the monitors found, as JSON by tenant and area."""
        return (self.home / "monitoring").resolve()

    @property
    def transcription_model(self) -> str:
        """The name or path of the model that the operator has chosen."""
        return str(self.voice_model_path) if self.voice_model_path else self.voice_model

    @property
    def voice_readers(self) -> Path:
        """Trained classifiers of turns, a folder each."""
        return (self.home / "readers").resolve()

    @property
    def inbox(self) -> Path:
        """Where recordings are put to be analysed, a folder a tenant."""
        return (self.voice_inbox or self.home / "inbox").resolve()

    @property
    def voice_path(self) -> Path:
        """What recorded calls came to, by tenant."""
        return (self.home / "voice").resolve()

    @property
    def data_docs_path(self) -> Path:
        """What the data gates found, as pages: `site` is a static web site."""
        return (self.home / "data_docs").resolve()

    @property
    def audit_head_path(self) -> Path:
        """Count and digest of the audit log's newest line, outside the database."""
        return (self.home / "audit_head.json").resolve()

    @property
    def data_path(self) -> Path:
        return (self.home / "data").resolve()

    @property
    def dagster_path(self) -> Path:
        return (self.home / "dagster").resolve()


@cache
def settings() -> Settings:
    """The process's settings. Tests that change the environment call `settings.cache_clear()`."""
    return Settings()
