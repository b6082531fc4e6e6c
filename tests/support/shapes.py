"""Documents that are made to cost a server much, by how much there is of what makes them dear."""


def deep(levels: int) -> str:
    return "{a" * levels + "}" * levels


def aliases(count: int) -> str:
    names = [f"x{number}: id" for number in range(count)]
    return "{ caller { " + " ".join(names) + " } }"


def directives(count: int) -> str:
    return f"{{ caller {'@skip(if: false) ' * count} }}"


def repeats(count: int) -> str:
    return f"{{ {'caller ' * (count + 1)} }}"


def root_fields(count: int) -> str:
    return "{ " + " ".join(f"f{number}" for number in range(count)) + " }"


def selections(count: int) -> str:
    fields = " ".join(f"f{number}" for number in range(count - 1))
    return "{ caller { " + fields + " } }"


def bomb(generations: int) -> str:
    """Fragments that each spread the next one twice: 2^generations fields."""
    fragments = "".join(
        f"fragment F{number} on Book {{ ...F{number + 1} ...F{number + 1} }} "
        for number in range(generations)
    )
    return f"{{ caller {{ ...F0 }} }} {fragments} fragment F{generations} on Book {{ id }}"


CYCLE = """{ caller { ...A } } fragment A on Book { ...B } fragment B on Book { ...A }"""
UNUSED_CYCLE = "{ caller } fragment A on Book { self { ...A } }"

ATTACKS = {
    "depth 50": deep(50),
    "depth 600": deep(600),
    "101 aliases": aliases(101),
    "500 aliases": aliases(500),
    "500 directives": directives(500),
    "500 duplicates": repeats(500),
    "cycle": CYCLE,
    "bomb": bomb(30),
    "long bomb": bomb(150),
    "unknown fragments": "{" + " ".join(f"...F{number}" for number in range(600)) + "}",
    "nested value": "{ a(b: " + "[" * 900 + "]" * 900 + ") }",
    "40,000 tokens": "{ " + "a " * 40_000 + "}",
}
