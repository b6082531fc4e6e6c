from subgraphs.courses import errors, types
from subgraphs.courses.mutations import Mutation
from subgraphs.courses.queries import Query
from subgraphs.kernel import graphql

schema = graphql.Schema(
    query=Query,
    mutation=Mutation,
    types=[types.Course, types.Lesson, types.User, types.Organization],
    exposed=graphql.expose(errors, types),
)
