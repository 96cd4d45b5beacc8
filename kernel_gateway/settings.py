"""Settings: one table of names, defaults and help, read from the environment and flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from agent.budget import TurnBudget
from agent.models import local_embeddings
from container.host.environment import DEFAULT_IMAGE
from container.limits import MIB, Limits
from kernel_gateway.proxies import networks

PREFIX = "TALLYBOOK_"
CONFIG = "TALLYBOOK_CONFIG"
READ_ELSEWHERE = frozenset({"TALLYBOOK_RUNTIME_DIRECTORY", "TALLYBOOK_SHIM_IDLE_SECONDS", CONFIG})
"""Variables read elsewhere: `container` reads the first two, also without this service."""
SECRETS = frozenset(
    """token database_url jwt_secret gemini_api_key openai_api_key cron_secret blob_key""".split()
)
DEFAULT_MODEL = "gemini-3.8-flash"
DEFAULT_EMBEDDING_MODEL = "gemini-embedding-001"
TOKEN_FILE = "token"  # noqa: S105 (a file's name)
"""File in the data directory with the access token that the first start generates."""


class SettingsInvalid(ValueError):
    """A setting has a value that can't be used; the message names it."""


class Settings(BaseModel):
    """Every setting; in the environment each is ``TALLYBOOK_`` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8765, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    tls_cert: Path | None = Field(
        None,
        description="PEM file with the certificate (and those up to its authority); with tls_key "
        "the service speaks https itself.",
    )
    tls_key: Path | None = Field(
        None, description="PEM file with the certificate's private key, not encrypted."
    )
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("tallybook"),
        description="Where conversations, files, notebooks and the database are kept.",
    )
    token: str | None = Field(
        None, description="Access token; by default one is generated and kept in data_dir/token."
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql://USER:PASSWORD@HOST/DATABASE; by default SQLite in data_dir.",
    )
    node: str = Field(
        "",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$|^$",
        description="This gateway's name among several that share a PostgreSQL database and a "
        "data directory; empty when it is the only one.",
    )
    node_url: str | None = Field(
        None,
        description="Where the other gateways reach this one; by default where it listens.",
    )
    node_timeout_seconds: float = Field(
        30.0,
        ge=0.5,
        description="A gateway that was silent for so long is held for dead: the others take "
        "over its conversations.",
    )
    jwt_secret: str | None = Field(
        None, repr=False, min_length=32, description="Shared secret of HS256 access tokens."
    )
    jwt_public_key: str | None = Field(None, description="PEM public key of RS256 access tokens.")
    jwt_jwks_url: str | None = Field(
        None, description="Address of the key set (JWKS) of RS256 access tokens."
    )
    jwt_audience: str | None = Field(
        None,
        validate_default=True,
        description="Audience an access token must name; a key set needs one.",
    )
    jwt_issuer: str | None = Field(None, description="Issuer an access token must name.")
    jwt_tenant_claim: str = Field("tenant", description="Claim that names the tenant.")
    jwt_user_claim: str = Field("sub", description="Claim that names the user.")
    jwt_roles_claim: str = Field(
        "roles", description="Claim that lists roles: viewer, user, reviewer, admin."
    )
    jwt_jwks_seconds: float = Field(
        300.0, ge=0, description="Age from which keys of the key set are fetched again."
    )
    jwt_jwks_pause_seconds: float = Field(
        10.0,
        ge=0,
        description="After a failure, or for an unknown key, the key set is fetched no sooner.",
    )
    failed_tokens_per_minute: int = Field(
        30,
        ge=0,
        description="Wrong access tokens one address may send in a minute; 0 for no limit.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1 ::1",
        description="Addresses and networks, separated by spaces, of proxies (and other gateways) "
        "whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    allow_origins: str = Field(
        "",
        description="Origins of web pages, separated by spaces, that may use the API with a "
        "token of their own (CORS).",
    )
    requests_per_minute: int = Field(
        1200, ge=0, description="Requests one user may send in a minute; 0 for no limit."
    )
    model: str = Field(DEFAULT_MODEL, description="Name of the language model.")
    model_base_url: str | None = Field(
        None,
        description="Address of the model's service; for Gemini's protocol, Google's by default.",
    )
    model_protocol: Literal["gemini", "openai"] = Field(
        "gemini",
        validate_default=True,
        description="What the model's service speaks. openai: any service with OpenAI's chat "
        "protocol (Ollama, vLLM, Azure, OpenAI); it needs model and model_base_url.",
    )
    embedding_model: str | None = Field(
        None,
        description="Embedding model of the model's service, to find past requests by their "
        "meaning; by default gemini-embedding-001 with Gemini, and none with openai. local: one in "
        "the service itself (pip install 'tallybook[embeddings]'). Empty for none.",
    )
    model_timeout: float = Field(120.0, gt=0, description="Seconds one model call may take.")
    gemini_api_key: str | None = Field(
        None, repr=False, description="API key of Gemini; GEMINI_API_KEY is read too."
    )
    openai_api_key: str | None = Field(
        None,
        repr=False,
        description="API key for model_protocol openai, where its service needs one; "
        "OPENAI_API_KEY is read too.",
    )
    upload_limit_mb: float = Field(200.0, gt=0, description="Largest uploaded file, in MB (10^6).")
    upload_seconds: float = Field(
        3600.0, gt=0, description="How long one request's body may take to arrive."
    )
    unfinished_upload_hours: float = Field(
        24.0,
        gt=0,
        description="A resumable upload of which nothing more came for so long is removed.",
    )
    idle_seconds: float = Field(
        120.0, gt=0, description="A connection that sends no request for so long is closed."
    )
    body_limit_mb: float = Field(2.0, gt=0, description="Largest JSON body, in MB (10^6).")
    memory_limit_mb: int = Field(512, ge=256, description="Memory of one kernel, in MiB.")
    cpus: float = Field(1.0, gt=0, description="Processors one kernel may use.")
    cell_seconds: float = Field(120.0, gt=0, description="Wall time of one cell.")
    workspace_limit_mb: int = Field(
        1024, ge=1, description="Size of a conversation's workspace, in MiB."
    )
    workspace_files: int = Field(
        10_000, ge=10, description="Files and directories in a conversation's workspace."
    )
    tmp_limit_mb: int = Field(256, ge=16, description="Size of a kernel's /tmp, in MiB.")
    open_files: int = Field(1024, ge=64, description="Open files of one process of a kernel.")
    output_limit_mb: float = Field(
        10.0, gt=0, description="What one cell may print, in MiB; it is stopped there."
    )
    pids: int = Field(64, ge=16, description="Processes and threads of one kernel.")
    permission_seconds: float = Field(
        600.0, gt=0, description="How long a permission request waits before it counts as denied."
    )
    network_private: str = Field(
        "",
        description="Private addresses and networks, separated by spaces, that allowed network "
        "calls of cells may reach; all others that are not public are refused.",
    )
    network_ca_file: Path | None = Field(
        None,
        description="PEM file with further authorities whose certificates network calls accept.",
    )
    network_secrets_file: Path | None = Field(
        None,
        description="TOML file with secrets that are added to network calls as headers; kernels "
        "never get them. Only the service's user may read it.",
    )
    network_response_mb: float = Field(
        20.0, gt=0, description="Longest response of one network call, in MB (10^6)."
    )
    network_request_mb: float = Field(
        10.0, gt=0, description="Longest body that one network call sends, in MB (10^6)."
    )
    network_seconds: float = Field(
        30.0, gt=0, description="How long one network call may take, its response included."
    )
    network_calls: int = Field(
        100, ge=0, description="Network calls one cell may make; 0 allows none at all."
    )
    office_seconds: float = Field(
        120.0, gt=0, description="How long Excel may take for what its pane is asked."
    )
    office_away_seconds: float = Field(
        20.0, gt=0, description="How long a pane that left in the middle of it may stay away."
    )
    context_ttl_seconds: float = Field(
        1800.0, gt=0, description="An unused kernel is ended after this time."
    )
    cleanup_seconds: float = Field(
        900.0,
        gt=0,
        description="Time between two clean-ups, of unused kernels and of what is past its "
        "retention.",
    )
    drain_seconds: float = Field(
        30.0, ge=0, description="How long a service being stopped waits for running turns."
    )
    otlp_endpoint: str | None = Field(
        None, description="Where spans are sent: an OTLP collector's http://HOST:4318/v1/traces."
    )
    metrics_public: bool = Field(
        default=False,
        description="Let anybody read /metrics; without it a token with audit is needed.",
    )
    retention_days: float = Field(
        0.0,
        ge=0,
        description="Conversations in which nothing happened for so many days are deleted; 0 keeps "
        "them.",
    )
    file_versions_mb: float = Field(
        2000.0,
        ge=0,
        description="Room for what a conversation's files held before they were changed, in MB "
        "(10^6); the oldest go first, 0 keeps none. The lists of files in a path's checkpoints, "
        "and those of ranges in Excel, may each take a tenth of it besides.",
    )
    checkpoints: int = Field(
        500,
        ge=0,
        description="Checkpoints of a path's files, made before a cell if they changed; the oldest "
        "go first, 0 makes none.",
    )
    checkpoint_days: float = Field(
        90.0, ge=0, description="Checkpoints older than so many days are deleted; 0 keeps them."
    )
    snapshot_mb: float = Field(
        1000.0,
        ge=0,
        description="Largest snapshot of a path's variables, in MB (10^6), which brings them back "
        "faster than running cells again; 0 makes none.",
    )
    snapshots_mb: float = Field(
        2000.0,
        ge=0,
        description="Room for the snapshots of one path's variables, in MB (10^6); the oldest go "
        "first.",
    )
    snapshots: int = Field(
        8, ge=0, description="Snapshots of a path's variables; the oldest go first, 0 makes none."
    )
    snapshot_days: float = Field(
        30.0, ge=0, description="Snapshots older than so many days are deleted; 0 keeps them."
    )
    snapshot_after_seconds: float = Field(
        1.0,
        ge=0,
        description="A snapshot is made after a request once the cells since the last one took so "
        "long, and twice as long as a snapshot took; with 0 after each.",
    )
    lineage: bool = Field(
        default=True,
        description="After each cell, say which earlier cells it has made stale: they used a "
        "variable or a file that is another one now.",
    )
    upload_versions_mb: float = Field(
        4000.0,
        gt=0,
        description="Room for every version of a conversation's uploads, in MB (10^6); none ever "
        "goes, uploads are refused when it is used up.",
    )
    blob_key: str | None = Field(
        None,
        repr=False,
        description="Seals those with AES-256-GCM: 32 random bytes in base64. Earlier keys "
        "may follow, after a space; they only open.",
    )
    blob_key_command: str | None = Field(
        None,
        description="A shell command that prints blob_key instead, such as a key management "
        "service's.",
    )
    signing_key_command: str | None = Field(
        None,
        description="A shell command that prints the private key that signs notebooks (Ed25519, "
        "PEM), such as a key management service's; by default one is made in data_dir/keys.",
    )
    cron_secret: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="Lets POST /api/v1/admin/cleanup be called by a scheduler, as X-Cron-Secret.",
    )
    keep_kernels_seconds: float = Field(
        600.0, ge=0, description="How long kernels live on when the service died, to be taken over."
    )
    backend: Literal["zygote", "bubblewrap", "docker"] = Field(
        "zygote",
        description="What starts kernels: zygote forks them from one that has imported "
        "everything; bubblewrap starts each by itself; docker needs the Docker Engine.",
    )
    image: str = Field(DEFAULT_IMAGE, description="Image of the docker backend; see make image.")
    docker_runtime: str = Field(
        "", description="OCI runtime of the docker backend: runsc, kata; empty for its default."
    )
    warm_kernels: int | None = Field(
        None,
        ge=0,
        description="Kernels kept ready, so that a conversation's first cell never waits; by "
        "default 2, and up to 32 while the machine is at rest and has memory to spare (they "
        "take at most 3 % of it).",
    )
    max_kernels: int | None = Field(
        None, ge=1, description="Kernels alive at once; by default as many as memory allows."
    )
    keep_free_mb: int | None = Field(
        None,
        ge=0,
        description="Memory that another kernel has to leave free, in MiB; by default "
        "memory_limit_mb, or a tenth of the machine's if that is less.",
    )
    kernel_wait_seconds: float = Field(
        30.0, ge=0, description="How long a request waits in line for a kernel."
    )
    max_queue: int = Field(10, ge=1, description="Requests that may wait on one path.")
    repairs: int = Field(3, ge=0, description="How often the model may mend its code in a turn.")
    memory_tokens: int = Field(
        24_000,
        ge=500,
        description="Tokens of the prompt for the conversation's earlier requests and results; "
        "older ones are shortened to fit. Lower it for a model with a short context.",
    )
    egress_policy: Path | None = Field(
        None,
        description="TOML file that says what of secrets, cards, accounts, identity numbers, "
        "e-mail addresses and telephone numbers goes to the model and to clients, by tenant.",
    )
    backoff_seconds: float = Field(
        1.0, ge=0, description="First wait before an unavailable model is asked again; it doubles."
    )

    @field_validator("model_protocol")
    @classmethod
    def _other_services_are_named(cls, protocol: str, info: ValidationInfo) -> str:
        url = info.data.get("model_base_url") or ""
        if url and not url.lower().startswith(("http://", "https://")):
            raise ValueError("model_base_url must be an http or https address")
        if protocol == "openai" and not url:
            raise ValueError("openai needs model_base_url, such as http://127.0.0.1:11434/v1")
        if protocol == "openai" and info.data.get("model") == DEFAULT_MODEL:
            raise ValueError("openai needs model, the name of a model of that service")
        return protocol

    @field_validator("node")
    @classmethod
    def _several_need_postgresql(cls, node: str, info: ValidationInfo) -> str:
        if node and not (info.data.get("database_url") or "").startswith("postgresql"):
            raise ValueError("several gateways need one PostgreSQL database; set database_url")
        return node

    @field_validator("jwt_jwks_url")
    @classmethod
    def _key_set_is_on_the_web(cls, url: str | None) -> str | None:
        if url is not None and not url.lower().startswith(("http://", "https://")):
            raise ValueError("it must be an http or https address")
        return url

    @field_validator("jwt_audience")
    @classmethod
    def _key_set_needs_an_audience(cls, audience: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("jwt_jwks_url") and not audience:
            raise ValueError(
                "with jwt_jwks_url it must be set: a key set signs the tokens of many services, "
                "and only the audience says which are for this one"
            )
        return audience

    @field_validator("trusted_proxies", "network_private")
    @classmethod
    def _proxies_have_addresses(cls, proxies: str) -> str:
        networks(proxies)
        return proxies

    @property
    def embeds_with(self) -> str:
        """Name of the embedding model; empty for none."""
        if not self.has_model:
            return ""
        if self.embedding_model == local_embeddings.SETTING:
            return local_embeddings.NAME
        usual = DEFAULT_EMBEDDING_MODEL if self.model_protocol == "gemini" else ""
        return usual if self.embedding_model is None else self.embedding_model

    @property
    def has_model(self) -> bool:
        """Whether a language model is set up."""
        return self.model_protocol == "openai" or bool(self.gemini_api_key)

    @property
    def checks_jwt(self) -> bool:
        """Whether access tokens are JWTs."""
        return bool(self.jwt_secret or self.jwt_public_key or self.jwt_jwks_url)

    @property
    def origins(self) -> frozenset[str]:
        """The origins of `allow_origins`."""
        return frozenset(self.allow_origins.split())

    def limits(self) -> Limits:
        """Return the resource limits of one kernel."""
        return Limits(
            cpus=self.cpus,
            memory_bytes=self.memory_limit_mb * MIB,
            pids=self.pids,
            seconds=self.cell_seconds,
            disk_bytes=self.workspace_limit_mb * MIB,
            disk_files=self.workspace_files,
            tmp_bytes=self.tmp_limit_mb * MIB,
            open_files=self.open_files,
            output_bytes=int(self.output_limit_mb * MIB),
        )

    def budget(self) -> TurnBudget:
        """Return the budget of one turn."""
        return TurnBudget(
            repairs=self.repairs,
            backoff_seconds=self.backoff_seconds,
            memory_tokens=self.memory_tokens,
        )


def config_file(environment: Mapping[str, str], named: Path | None) -> Path | None:
    """Return the configuration file: *named*, ``TALLYBOOK_CONFIG``, or the user's; else ``None``.

    Raises:
        SettingsInvalid: *named* or ``TALLYBOOK_CONFIG`` does not exist.
    """
    wanted = named or (Path(environment[CONFIG]) if CONFIG in environment else None)
    if wanted is not None and not wanted.is_file():
        raise SettingsInvalid(f"There is no configuration file {wanted}.")
    usual = platformdirs.user_config_path("tallybook") / "config.toml"
    return wanted or (usual if usual.is_file() else None)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a setting's value comes from, and the raw value."""

    value: Any
    origin: str


def read_sources(
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> dict[str, Source]:
    """Return every setting that is set; flags override the environment, which overrides the file.

    Args:
        environment: Variables; the process's own by default.
        overrides: Flags; ``None`` counts as not given.
        file: Configuration file (TOML: ``name = value``); see `config_file`.

    Raises:
        SettingsInvalid: The file can't be read.
    """
    environment = os.environ if environment is None else environment
    found: dict[str, Source] = {}
    path = config_file(environment, file)
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsInvalid(f"Configuration file {path}: {error}.") from None
        found |= {name: Source(value, str(path)) for name, value in values.items()}
    for name, text in environment.items():
        if name.startswith(PREFIX) and name not in READ_ELSEWHERE:
            found[name.removeprefix(PREFIX).lower()] = Source(text, name)
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
        if key := environment.get(name):
            found.setdefault(name.lower(), Source(key, name))
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    return found | {name: Source(value, "flag") for name, value in given.items()}


def load_settings(
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> Settings:
    """Read settings from *file*, *environment* and *overrides*; see `read_sources`.

    Raises:
        SettingsInvalid: A value can't be used, or a name is unknown; the message names it.
    """
    sources = read_sources(environment, overrides, file)
    try:
        return Settings(**{name: source.value for name, source in sources.items()})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        origin = sources[name].origin if name in sources else "default"
        variable = f"{PREFIX}{name.upper()}"
        by = "" if origin == variable else f", set by {origin}"
        raise SettingsInvalid(
            f"Setting {name} ({variable}{by}): {first['msg']}. See docs/operator.md."
        ) from None


def shown_settings(settings: Settings, sources: Mapping[str, Source]) -> list[tuple[str, str, str]]:
    """Return name, value and origin of every setting, secrets hidden."""
    rows = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        hidden = name in SECRETS and value is not None
        shown = "(hidden)" if hidden else "" if value is None else str(value)
        rows.append((name, shown, sources[name].origin if name in sources else "default"))
    return rows
