"""Documents that nobody writes in good faith, in the words of the real schema."""


def deep(levels: int) -> str:
    """`levels` levels of fields that each hold the next."""
    nested = ("viewer", *("enrollments", "nodes", "learner") * levels)[: levels - 1]
    return " ".join(f"{{ {name}" for name in nested) + " { id }" + " }" * (levels - 1)


def bomb(levels: int) -> str:
    """Fragments each of which spreads the next one twice."""
    fragments = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return (
        "{ ...F0 } " + " ".join(fragments) + f" fragment F{levels} on Query {{ viewer {{ id }} }}"
    )


def logins(count: int, email: str = "nobody@example.com") -> str:
    """`count` guesses of a password in one document."""
    one = 'login(input: {{email: "{email}", password: "guess {n}"}}) {{ __typename }}'
    return (
        "mutation { "
        + " ".join(f"a{n}: {one.format(email=email, n=n)}" for n in range(count))
        + " }"
    )


HOSTILE = {
    "depth 50": deep(50),
    "101 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }",
    "50 logins": logins(50),
    "500 duplicated fields": "{ " + "viewer { id } " * 500 + "}",
    "a fragment bomb": bomb(60),
    "a fragment cycle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "500 directives": "{ viewer { id " + "@include(if: true) " * 500 + "} }",
    "too many tokens": "{ " + "viewer { id } " * 10_000 + "}",
}
