"""Every difference between two views, in words."""


def between(expected: dict, found: dict) -> list[str]:
    """What is missing, too much or wrong in `found`. No lines when the two are equal."""
    lines = []
    for kind in ("users", "groups"):
        wanted, there = expected[kind], found[kind]
        for anchor in sorted(wanted.keys() - there.keys()):
            lines.append(f"{kind}: {_named(wanted, anchor)} is missing")
        for anchor in sorted(there.keys() - wanted.keys()):
            lines.append(f"{kind}: {_named(there, anchor)} should not be there")
        for anchor in sorted(wanted.keys() & there.keys()):
            for line in _paths(wanted[anchor], there[anchor]):
                lines.append(f"{kind}: {_named(wanted, anchor)}: {line}")
    return lines


def _named(resources: dict, anchor: str) -> str:
    resource = resources[anchor]
    return f"{resource.get('userName') or resource.get('displayName')} ({anchor})"


def _paths(wanted: dict, there: dict) -> list[str]:
    lines = []
    for path in sorted(wanted.keys() | there.keys()):
        expected, found = wanted.get(path), there.get(path)
        if path == "members":
            lines += _members(expected or [], found or [])
        elif expected != found or type(expected) is not type(found):
            lines.append(f"{path} is {found!r}, not {expected!r}")
    return lines


def _members(expected: list[str], found: list[str]) -> list[str]:
    lines = [f"lacks the member {member}" for member in sorted(set(expected) - set(found))]
    lines += [f"has the member {member} too much" for member in sorted(set(found) - set(expected))]
    if len(found) != len(set(found)):
        lines.append("has a member twice")
    return lines
