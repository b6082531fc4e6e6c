from subgraphs.kernel import graphql
from subgraphs.users import errors, types
from subgraphs.users.mutations import Mutation
from subgraphs.users.queries import Query

schema = graphql.Schema(
    query=Query,
    mutation=Mutation,
    types=[types.User, types.Organization],
    exposed=graphql.expose(errors, types),
)
