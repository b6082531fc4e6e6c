"""The domain, its events, live streams, migrations."""

from tests.architecture.rules import domain, events, migrations, subscriptions
from tests.architecture.samples import Sample

SAMPLES = (
    Sample(
        domain.no_outside,
        {
            "subgraphs/zoo/service.py": """
                import httpx
                from urllib.parse import quote
                def feed():
                    mail.delay(1)
                    tasks.weigh.apply_async()
            """,
            "subgraphs/zoo/gateways.py": "import httpx",
            "subgraphs/zoo/models.py": "from redis.asyncio import Redis",
        },
        [
            "subgraphs/zoo/service.py:1: imports httpx",
            "subgraphs/zoo/service.py:4: mail.delay()",
            "subgraphs/zoo/service.py:5: tasks.weigh.apply_async()",
            "subgraphs/zoo/models.py:1: imports redis.asyncio",
        ],
    ),
    Sample(
        domain.zoned_times,
        {
            "subgraphs/zoo/service.py": """
                now = datetime.now()
                then = datetime.utcnow()
                fine = datetime.now(UTC)
                today = date.today()
            """
        },
        [
            "subgraphs/zoo/service.py:1: datetime.now() has no zone",
            "subgraphs/zoo/service.py:2: datetime.utcnow() has no zone",
            "subgraphs/zoo/service.py:4: date.today() has no zone",
        ],
    ),
    Sample(
        domain.relationships_raise,
        {
            "subgraphs/zoo/models.py": """
                class Cage:
                    animals = relationship()
                    keys = relationship(lazy="selectin")
                    keepers = relationship(lazy="raise")
            """
        },
        [
            "subgraphs/zoo/models.py:2: a relationship without lazy='raise'",
            "subgraphs/zoo/models.py:3: a relationship without lazy='raise'",
        ],
    ),
    Sample(
        events.names,
        {
            "subgraphs/zoo/events.py": """
                class FeedAnimal(Event, type="zoo.feed_animal", version=1): ...
                class AnimalFed(Event, type="zoo.animal_fed"): ...
                class CageOpened(Event, type="cages.opened", version=1): ...
                class CageClosedV2(Event, type="zoo.cage_closed", version=2): ...
            """
        },
        [
            "subgraphs/zoo/events.py:1: FeedAnimal is not in the past tense",
            "subgraphs/zoo/events.py:2: AnimalFed has no version",
            "subgraphs/zoo/events.py:3: CageOpened has not the type 'zoo.cage_opened'",
        ],
    ),
    Sample(
        subscriptions.nothing_held,
        {
            "subgraphs/zoo/subscriptions.py": """
                @strawberry.subscription
                async def fed(self, info, after: str | None = None):
                    async with info.context.read() as session:
                        async for row in session.stream():
                            yield row
                @strawberry.subscription
                async def seen(self, info, after: str | None = None):
                    async with info.context.read() as session:
                        row = await repository.animal(session)
                    yield row
            """
        },
        ["subgraphs/zoo/subscriptions.py:3: fed yields inside info.context.read()"],
    ),
    Sample(
        subscriptions.no_loaders,
        {
            "subgraphs/zoo/subscriptions.py": """
                @strawberry.subscription
                async def fed(self, info, after: str | None = None):
                    yield await info.context.loaders.animal.load(1)
            """
        },
        ["subgraphs/zoo/subscriptions.py:3: fed uses a loader"],
    ),
    Sample(
        subscriptions.resumable,
        {
            "subgraphs/zoo/subscriptions.py": """
                @strawberry.subscription
                async def fed(self, info):
                    async for it in info.context.bus.listen("zoo"):
                        yield it
            """
        },
        [
            "subgraphs/zoo/subscriptions.py:2: fed cannot be resumed",
            "subgraphs/zoo/subscriptions.py:2: fed does not close its stream",
        ],
    ),
    Sample(
        migrations.numbered,
        {
            "subgraphs/zoo/migrations/0001_zoo.py": 'revision = "0001"\ndown_revision = None',
            "subgraphs/zoo/migrations/0002_cages.py": 'revision = "a1b2"\ndown_revision = "0001"',
            "subgraphs/zoo/migrations/0003_keys.py": 'revision = "0003"\ndown_revision = "0001"',
        },
        [
            "subgraphs/zoo/migrations/0001_zoo.py: does not call create_kernel_tables",
            "subgraphs/zoo/migrations/0002_cages.py: revision a1b2",
            "subgraphs/zoo/migrations/0003_keys.py: comes after 0001",
        ],
    ),
    Sample(
        migrations.contractions,
        {
            "subgraphs/zoo/migrations/0002_cages.py": """
                '''Cages have no colour.'''
                def upgrade():
                    op.drop_column("cages", "colour")
            """,
            "subgraphs/zoo/migrations/0003_keys.py": """
                '''Contract: no code has read `keys.colour` since 0002.'''
                def upgrade():
                    op.drop_column("keys", "colour")
            """,
        },
        [
            "subgraphs/zoo/migrations/0002_cages.py:3: op.drop_column() "
            "without a docstring that begins with 'Contract: '"
        ],
    ),
)
