"""All queries, one module an aggregate; whatever a caller reads starts from `visible_…`."""
