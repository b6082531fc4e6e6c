"""What users does behind the scenes: it publishes its events and seals its audit log."""

from celery.schedules import crontab

from subgraphs.kernel.auth.revocations import TOPIC as REVOCATIONS
from subgraphs.kernel.worker import Worker
from subgraphs.users.consumers import inbox
from subgraphs.users.settings import Settings


def create_worker() -> Worker:
    return Worker(
        name="users",
        settings=Settings(),
        topics=("users", REVOCATIONS),
        inbox=inbox,
        tasks=("subgraphs.users.tasks",),
        schedule={
            # Every hour, so that a day is sealed soon after a night without a worker.
            "users.roll_over_audit": {
                "task": "users.roll_over_audit",
                "schedule": crontab(minute="5"),
            },
            "users.forget_sessions": {
                "task": "users.forget_sessions",
                "schedule": crontab(minute="35", hour="3"),
            },
        },
    )
