from subgraphs.kernel import graphql
from subgraphs.learning import errors, types
from subgraphs.learning.mutations import Mutation
from subgraphs.learning.queries import Query
from subgraphs.learning.subscriptions import Subscription

schema = graphql.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[types.Course, types.Enrollment, types.Lesson, types.User],
    exposed=graphql.expose(errors, types),
)
