"""What all types of courses share."""

import strawberry

from subgraphs.courses import models
from subgraphs.courses.loaders import Loaders
from subgraphs.kernel import graphql

Info = graphql.Info[Loaders]

strawberry.enum(models.CourseStatus)
strawberry.enum(models.Visibility)
strawberry.enum(models.Level)
strawberry.enum(models.LessonKind)
