"""The composition root of the web process: settings are read here."""

from fastapi import FastAPI

from subgraphs.courses.loaders import Loaders
from subgraphs.courses.schema import schema
from subgraphs.courses.settings import Settings
from subgraphs.kernel import app


def create_app() -> FastAPI:
    """Make the app of courses; it has no subscriptions, so it follows no topic."""
    return app.create_app(
        app.Subgraph(name="courses", schema=schema, settings=Settings(), loaders=Loaders.build)
    )
