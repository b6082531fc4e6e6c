"""Settings that every subgraph reads; each adds its own in `settings.py`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SharedSettings(BaseSettings):
    """The environment of all processes (`POLYNODE_…`); a secret has no default."""

    # An error about one setting would otherwise print the secrets beside it.
    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    valkey_url: SecretStr = Field(validation_alias="POLYNODE_VALKEY_URL")
    """The server of streams, buckets and (in database 1) Celery's broker."""

    gateway_key: SecretStr = Field(validation_alias="POLYNODE_GATEWAY_KEY")
    """Signs what gateways ask; several, comma-separated, while it is being rotated."""

    jwks_url: str = Field(validation_alias="POLYNODE_JWKS_URL")
    """Where the public keys of access tokens are published."""

    public_url: str = Field(validation_alias="POLYNODE_PUBLIC_URL")
    """The public origin; it is also the issuer of access tokens."""

    log_level: str = Field("info", validation_alias="POLYNODE_LOG_LEVEL")

    introspection: bool = Field(default=False, validation_alias="POLYNODE_INTROSPECTION")
    """Whether clients may introspect; the schema is published either way."""

    cost_per_minute: int = Field(60_000, validation_alias="POLYNODE_COST_PER_MINUTE")
    """Size of the cost bucket of a viewer, or of the address of someone unknown."""

    pool_size: int = Field(10, validation_alias="POLYNODE_POOL_SIZE")
    """Postgres connections a subgraph in one process may open."""

    otlp_endpoint: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where traces go; none are made without it."""


class SubgraphSettings(SharedSettings):
    """Subclasses set `env_prefix`, so that each subgraph reads its own database."""

    database_url: SecretStr
