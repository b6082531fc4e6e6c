"""The house rules, as functions from what they judge to a list of what offends them.

The first line of a rule's docstring is the rule. Whatever a rule judges (a `Tree`, a schema, a
metadata), the same function judges the real one and the bad samples beside it in `samples/`.
"""
