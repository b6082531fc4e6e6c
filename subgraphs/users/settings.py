from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from subgraphs.kernel.settings import SubgraphSettings


class Settings(SubgraphSettings):
    """The environment of `users` (`USERS_…`), with what all subgraphs share."""

    model_config = SettingsConfigDict(env_prefix="USERS_", extra="ignore")

    key_secret: SecretStr
    """Encrypts the signing keys at rest and derives refresh tokens from their predecessors."""

    hash_threads: int = 2
    """Passwords that one process hashes at a time: each takes a core and 19 MiB meanwhile."""
