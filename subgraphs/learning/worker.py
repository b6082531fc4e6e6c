"""The composition root of the worker."""

from subgraphs.kernel.worker import Worker
from subgraphs.learning.consumers import inbox
from subgraphs.learning.events import LessonCompleted
from subgraphs.learning.settings import Settings


def create_worker() -> Worker:
    return Worker(
        name="learning", settings=Settings(), topics=(LessonCompleted.topic,), inbox=inbox
    )
