"""Refusals that get lost."""

from tests.architecture.rules import refusals
from tests.architecture.samples import Sample

ZOO = {
    "subgraphs/zoo/errors.py": """
        class FullError(DomainError): ...
        class AsleepError(DomainError): ...
        class LostError(DomainError): ...
        class CageLockedError(DomainError): ...
    """,
    "subgraphs/zoo/models.py": """
        class Animal:
            def eat(self):
                raise errors.AsleepError
    """,
    "subgraphs/zoo/service.py": """
        async def feed(session, viewer, animal_id):
            user_id = viewer.require_user()
            animal = await repository.animal(session, animal_id)
            if animal.is_full:
                raise FullError(animal_id)
            animal.eat()
    """,
    "subgraphs/zoo/queries.py": """
        async def cage(info):
            raise errors.CageLockedError
    """,
    "subgraphs/zoo/types.py": """
        FeedResult = Annotated[FeedSuccess | FullError, strawberry.union("FeedResult")]
    """,
    "subgraphs/zoo/mutations.py": """
        from subgraphs.zoo import service, types
        async def feed(self, info, input) -> types.FeedResult:
            row = await info.context.transact(service.feed, info.context.viewer, input.animal_id)
            return types.FeedSuccess(animal=row)
    """,
}

SAMPLES = (
    Sample(
        refusals.exposed,
        ZOO,
        [
            "subgraphs/zoo/errors.py:2: AsleepError reaches nobody",
            "subgraphs/zoo/errors.py:3: LostError reaches nobody",
        ],
    ),
    Sample(refusals.raised, ZOO, ["subgraphs/zoo/errors.py:3: LostError is never raised"]),
    Sample(
        refusals.complete_unions,
        ZOO,
        [
            "subgraphs/zoo/mutations.py:2: feed: AsleepError is not in FeedResult",
            "subgraphs/zoo/mutations.py:2: feed: NotAuthenticatedError is not in FeedResult",
        ],
    ),
)
