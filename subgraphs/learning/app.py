"""The composition root of the server: the only place that reads its settings."""

from fastapi import FastAPI

from subgraphs.kernel import app
from subgraphs.learning.events import LessonCompleted
from subgraphs.learning.loaders import Loaders
from subgraphs.learning.schema import schema
from subgraphs.learning.settings import Settings


def create_app() -> FastAPI:
    return app.create_app(
        app.Subgraph(
            name="learning",
            schema=schema,
            settings=Settings(),
            loaders=Loaders.build,
            follows=(LessonCompleted.topic,),
        )
    )
