"""Schemas that break their promises: in SDL where that says it, else in Strawberry."""

from collections.abc import Callable
from typing import NamedTuple

import strawberry
from graphql import GraphQLSchema, build_schema

from subgraphs.kernel.graphql.descriptions import describe


@strawberry.type
class Animal:
    """An animal."""

    id: strawberry.ID
    """Its id."""
    name: str


@strawberry.type
class Cage:
    animals: list[Animal]
    """Who lives there."""

    keys: list[str] = strawberry.field(metadata={"list_size": 5})
    """Its keys."""


@strawberry.type
class Query:
    """All there is to ask."""

    cage: Cage
    """The only one."""


STRAWBERRY = strawberry.Schema(Query)._schema
describe(STRAWBERRY)
SDL = build_schema(
    """
    interface UserError { message: String! code: String! }
    type FullError implements UserError { message: String! code: String! }
    type LostError { message: String! }
    type FeedSuccess { name: String! }
    type Fed { name: String! }
    union FeedResult = FeedSuccess | FullError
    union PetResult = FullError | LostError
    union Washed = WashSuccess
    type WashSuccess { name: String! passwordHash: String }
    input FeedInput { name: String! }
    input PetInput { name: String! role: String isAdmin: Boolean }
    type AnimalConnection { nodes: [Animal!]! }
    type Animal { name: String! passwordHash: String friends(first: Int): AnimalConnection! }
    type Query { animals(first: Int, after: String, last: Int, before: String): AnimalConnection! }
    type Mutation {
      feed(input: FeedInput!): FeedResult!
      pet(input: PetInput): PetResult!
      wash(name: String!, times: Int): Washed
      count: Int!
    }
    type Subscription { fed(name: String!): Fed! }
    """
)


class SchemaSample(NamedTuple):
    """A schema that breaks the rule of this name in exactly these ways."""

    rule: str
    schema: GraphQLSchema
    found: list[str]


Rule = Callable[[GraphQLSchema], list[str]]
SAMPLES = (
    SchemaSample("described", STRAWBERRY, ["Cage", "Animal.name"]),
    SchemaSample("bounded_lists", STRAWBERRY, ["Cage.animals is a list without a bound"]),
    SchemaSample(
        "one_input",
        SDL,
        ["pet takes PetInput, not PetInput!", "wash takes name, times"],
    ),
    SchemaSample(
        "results",
        SDL,
        [
            "pet succeeds with FullError",
            "pet is refused with LostError, which is no UserError",
            "wash returns Washed",
            "count returns Int!",
        ],
    ),
    SchemaSample("paged_connections", SDL, ["Animal.friends lacks after, before, last"]),
    SchemaSample("modest_inputs", SDL, ["PetInput.role", "PetInput.isAdmin"]),
    SchemaSample("resumable_streams", SDL, ["fed: no after", "fed: no cursor", "fed: no resync"]),
    SchemaSample("no_secrets", SDL, ["Animal.passwordHash"]),
)
