"""The edge of a subgraph: resolvers, loaders, and what a viewer may see."""

from tests.architecture.rules import resolvers, visibility
from tests.architecture.samples import Sample

SAMPLES = (
    Sample(
        resolvers.thin,
        {
            "subgraphs/zoo/mutations.py": '''
                @strawberry.type
                class Mutation:
                    @strawberry.mutation
                    async def feed(self, info, input):
                        """Feed."""
                        animal = await load(input.id)
                        if animal.is_full:
                            raise FullError
                        for it in input.food:
                            animal.eat(it)
                        return animal

                    @strawberry.mutation
                    async def pet(self, info, input):
                        """Pet."""
                        row = await info.context.transact(service.pet, input.id)
                        return types.PetSuccess(animal=row)
            '''
        },
        ["subgraphs/zoo/mutations.py:4: feed has 6 statements, not 5"],
    ),
    Sample(
        resolvers.one_transaction,
        {
            "subgraphs/zoo/mutations.py": """
                @strawberry.mutation
                async def feed(self, info, input):
                    await info.context.transact(service.open_cage, input.id)
                    await info.context.transact(service.feed, input.id)
            """
        },
        ["subgraphs/zoo/mutations.py:2: feed is 2 transactions"],
    ),
    Sample(
        resolvers.no_sql_at_the_edge,
        {
            "subgraphs/zoo/queries/animals.py": """
                async def animals(info):
                    async with info.context.read() as session:
                        return await session.scalars(select(Animal))
            """
        },
        [
            "subgraphs/zoo/queries/animals.py:3: session.scalars()",
            "subgraphs/zoo/queries/animals.py:3: select()",
        ],
    ),
    Sample(
        resolvers.commits,
        {
            "subgraphs/zoo/service.py": "async def feed(session):\n    await session.commit()\n",
            "subgraphs/kernel/db.py": "async def end(session):\n    await session.commit()\n",
        },
        ["subgraphs/zoo/service.py:2: session.commit()"],
    ),
    Sample(
        resolvers.sessions_in_contexts,
        {
            "subgraphs/zoo/loaders.py": """
                class Loaders:
                    session: AsyncSession
                    animal: DataLoader[UUID, Animal]
            """
        },
        ["subgraphs/zoo/loaders.py:2: Loaders.session is a session"],
    ),
    Sample(
        resolvers.nothing_at_import,
        {
            "subgraphs/zoo/loaders.py": """
                animal = DataLoader(load)
                class Loaders:
                    engine = create_async_engine(URL)
                    def build(db, viewer):
                        return DataLoader(load)
            """
        },
        [
            "subgraphs/zoo/loaders.py:1: DataLoader() at import",
            "subgraphs/zoo/loaders.py:3: create_async_engine() at import",
        ],
    ),
    Sample(
        resolvers.one_engine,
        {"subgraphs/zoo/repository.py": "def engine():\n    return sa.create_async_engine(URL)\n"},
        ["subgraphs/zoo/repository.py:2: sa.create_async_engine()"],
    ),
    Sample(
        resolvers.loaders_ask_once,
        {
            "subgraphs/zoo/loaders.py": """
                async def load(ids):
                    found = {row.id: row for row in await repository.animals(ids)}
                    return [await repository.animal(id) for id in ids]
            """
        },
        ["subgraphs/zoo/loaders.py:3: awaits in a loop"],
    ),
    Sample(
        visibility.caller_facing_reads,
        {
            "subgraphs/zoo/repository.py": """
                def visible_animals(viewer: Viewer) -> Select[Animal]: ...
                async def animals_by_id(session, viewer, ids):
                    return await session.scalars(visible_animals(viewer))
                async def oldest(session, viewer):
                    return (await animals_by_id(session, viewer, []))[0]
                async def all_animals(session):
                    return await session.scalars(select(Animal))
                async def keys_of(session, user_id):
                    return await session.scalars(select(Key))
            """,
            "subgraphs/zoo/loaders.py": """
                from subgraphs.zoo import repository
                async def load(ids):
                    await repository.animals_by_id(session, viewer, ids)
                    await repository.oldest(session, viewer)
                    await repository.keys_of(session, viewer.require_person())
                    await repository.keys_of(session, user_id)
                    await repository.all_animals(session)
                    return DataLoader(one(repository.all_animals))
            """,
        },
        [
            "subgraphs/zoo/loaders.py:6: keys_of does not start from visible_…",
            "subgraphs/zoo/loaders.py:7: all_animals does not start from visible_…",
            "subgraphs/zoo/loaders.py:8: all_animals does not start from visible_…",
        ],
    ),
    Sample(
        visibility.scoped_selects,
        {
            "subgraphs/zoo/repository.py": """
                def visible_animals() -> Select[Animal]: ...
                def visible_cages(viewer: Viewer) -> list[Cage]: ...
                def visible_keys(viewer: Viewer) -> Select[Key]: ...
            """
        },
        [
            "subgraphs/zoo/repository.py:1: visible_animals is no select of a viewer",
            "subgraphs/zoo/repository.py:2: visible_cages is no select of a viewer",
        ],
    ),
    Sample(
        visibility.scopes,
        {
            "subgraphs/zoo/service.py": """
                SCOPES = ("animals:read", "animals:write")
            """,
            "subgraphs/zoo/repository.py": """
                READ_SCOPE = "animals:read"
                def visible_keys(viewer: Viewer) -> Select[Key]:
                    return select(Key).where(viewer.may("keys:read"))
            """,
        },
        [
            "subgraphs/zoo/service.py:1: animals:write is never asked for",
            "subgraphs/zoo/repository.py:3: keys:read is never offered",
        ],
    ),
    Sample(
        visibility.scoped_listings,
        {
            "subgraphs/zoo/repository.py": """
                def visible_animals(viewer: Viewer) -> Select[Animal]: ...
                def animals(viewer: Viewer) -> Listing:
                    return Listing(visible_animals(viewer), in_cage, ORDER)
                def keys(viewer: Viewer) -> Listing:
                    return Listing(select(Key), of_cage, ORDER)
            """
        },
        ["subgraphs/zoo/repository.py:4: keys does not start from visible_…"],
    ),
    Sample(
        visibility.references,
        {
            "subgraphs/zoo/types.py": """
                @strawberry.federation.type(keys=["id"])
                class Animal:
                    id: UUID
                    name: str
                    @classmethod
                    async def resolve_reference(cls, info, id: UUID):
                        return cls(id=id, name=await name_of(id))
                @strawberry.federation.type(keys=["id"])
                class Cage:
                    id: UUID
                @strawberry.federation.type(keys=[Key(fields=FieldSet("id"), resolvable=False)])
                class User:
                    id: UUID
                @strawberry.federation.type(keys=["id"])
                class Keeper:
                    id: UUID
                    @strawberry.field
                    async def animals(self, info): ...
                    @classmethod
                    def resolve_reference(cls, id: UUID):
                        return cls(id=id)
                @strawberry.federation.type(keys=["id"])
                class Vet:
                    id: UUID
                    name: str
                    @classmethod
                    async def resolve_reference(cls, info, id: UUID):
                        return await info.context.loaders.vet.load(id)
            """
        },
        [
            "subgraphs/zoo/types.py:6: Animal is resolved without a loader",
            "subgraphs/zoo/types.py:9: Cage cannot be referred to",
        ],
    ),
    Sample(
        visibility.loaders_are_scoped,
        {
            "subgraphs/zoo/loaders.py": """
                class Loaders:
                    @classmethod
                    def build(cls, db, viewer):
                        return cls(animal=animals(db))
            """
        },
        ["subgraphs/zoo/loaders.py:3: build forgets the viewer"],
    ),
)
