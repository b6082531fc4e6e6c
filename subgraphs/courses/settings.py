from pydantic_settings import SettingsConfigDict

from subgraphs.kernel.settings import SubgraphSettings


class Settings(SubgraphSettings):
    """`COURSES_…`: nothing beyond the database."""

    model_config = SettingsConfigDict(env_prefix="COURSES_", extra="ignore")
