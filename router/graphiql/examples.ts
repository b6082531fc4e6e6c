/** The tabs a newcomer finds. A test validates them against the published schema. */
export const EXAMPLES: { query: string; variables?: string }[] = [
  {
    query: `# Browse the catalogue. Nobody has to be logged in for this.
query BrowseCourses {
  courses(orderBy: POPULAR, first: 10) {
    nodes {
      id
      slug
      title
      rating
      enrollmentCount
      organization { name }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# A course page: three subgraphs answer as one. Take a slug from the catalogue.
query CoursePage($slug: String!) {
  course(slug: $slug) {
    id
    title
    summary
    instructors { name }
    enrollmentCount
    viewerEnrollment { id percentComplete nextLesson { id title } }
    modules {
      title
      lessons { id title locked lockReason }
    }
  }
}
`,
    variables: '{\n  "slug": "javascripting"\n}\n',
  },
  {
    query: `# Enrol in a free course. Log in first, in the pane on the left.
mutation Enrol($input: EnrollInput!) {
  enroll(input: $input) {
    __typename
    ... on EnrollSuccess {
      enrollment { id percentComplete nextLesson { id title } }
    }
    ... on UserError { code message }
  }
}
`,
    variables: '{\n  "input": {\n    "courseId": "paste the id of a course"\n  }\n}\n',
  },
  {
    query: `# Follow an enrollment live: start this, then complete a lesson in another window.
subscription FollowProgress($enrollmentId: UUID!, $after: String) {
  progressUpdated(enrollmentId: $enrollmentId, after: $after) {
    cursor
    resync
    lessonId
    enrollment { percentComplete course { title } }
  }
}
`,
    variables: '{\n  "enrollmentId": "paste the id of an enrollment"\n}\n',
  },
  {
    query: `# Complete a lesson. Doing it twice is harmless.
mutation CompleteLesson($input: CompleteLessonInput!) {
  completeLesson(input: $input) {
    __typename
    ... on CompleteLessonSuccess {
      courseCompleted
      enrollment { percentComplete nextLesson { id title } }
    }
    ... on UserError { code message }
  }
}
`,
    variables:
      '{\n  "input": {\n    "enrollmentId": "paste its id",\n    "lessonId": "paste its id"\n  }\n}\n',
  },
];
