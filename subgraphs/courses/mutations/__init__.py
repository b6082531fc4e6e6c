"""What can be asked to be done, one input and one result union each."""

import strawberry

from subgraphs.courses.mutations.courses import CourseMutations
from subgraphs.courses.mutations.lessons import LessonMutations
from subgraphs.courses.mutations.modules import ModuleMutations


@strawberry.type
class Mutation(CourseMutations, ModuleMutations, LessonMutations):
    """What can be done in courses."""
