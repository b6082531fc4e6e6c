"""Mechanisms that every subgraph uses; it knows no business noun."""
