/** The tabs a newcomer finds. A test validates them against the published schema. */
export const EXAMPLES: { query: string; variables?: string }[] = [
  {
    query: `# Browse the catalogue; nobody has to be logged in for this.
query BrowseCourses {
  courses(first: 10) {
    edges { node { id title slug } }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
];
