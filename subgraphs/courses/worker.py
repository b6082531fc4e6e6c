"""The composition root behind the scenes: settings are read here."""

from subgraphs.courses.consumers import inbox
from subgraphs.courses.events import CoursePublished
from subgraphs.courses.settings import Settings
from subgraphs.kernel.worker import Worker


def create_worker() -> Worker:
    return Worker(name="courses", settings=Settings(), topics=(CoursePublished.topic,), inbox=inbox)
