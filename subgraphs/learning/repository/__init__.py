"""All queries of learning; what a caller may read starts at one of the `visible_…` functions."""
