from pydantic_settings import SettingsConfigDict

from subgraphs.kernel.settings import SubgraphSettings


class Settings(SubgraphSettings):
    """The environment of `learning` (`LEARNING_…`), with what all subgraphs share."""

    model_config = SettingsConfigDict(env_prefix="LEARNING_", extra="ignore")
