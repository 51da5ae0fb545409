"""A directory in memory: enough to write it down, to change it, and to keep the changes sound."""

import dn
import ldif

PERSON_CLASSES = ["top", "person", "organizationalPerson", "inetOrgPerson"]
MEMBER_ATTRIBUTE = {"groupOfNames": "member", "groupOfUniqueNames": "uniqueMember", "posixGroup": "memberUid"}

Attributes = dict[str, list[str | bytes]]


class Person:
    """Someone below `parent`, named by the attributes in `rdn`."""

    def __init__(self, rdn: list[tuple[str, str]], parent: str, attributes: Attributes):
        self.rdn = rdn
        self.parent = parent
        self.attributes = attributes
        self.classes = PERSON_CLASSES + (["extensibleObject"] if "c" in attributes else [])

    @property
    def dn(self) -> str:
        return f"{written(self.rdn)},{self.parent}"

    @property
    def uid(self) -> str:
        return str(self.attributes["uid"][0])


class Group:
    """A group of one of the three classes. Members are objects, or texts that lead nowhere."""

    def __init__(self, kind: str, cn: str, parent: str):
        self.kind = kind
        self.cn = cn
        self.parent = parent
        self.members: list[Person | Group | str] = []
        self.number = 0

    @property
    def dn(self) -> str:
        return f"{written([('cn', self.cn)])},{self.parent}"

    @property
    def member_attribute(self) -> str:
        return MEMBER_ATTRIBUTE[self.kind]

    def people(self) -> list[Person]:
        return [member for member in self.members if isinstance(member, Person)]

    def value_of(self, member: "Person | Group | str") -> str:
        if isinstance(member, str):
            return member
        if self.kind == "posixGroup":
            return member.uid
        return member.dn

    def attributes(self) -> Attributes:
        attributes: Attributes = {"cn": [self.cn]}
        if self.kind == "posixGroup":
            attributes["gidNumber"] = [str(self.number)]
        if self.members:
            attributes[self.member_attribute] = [self.value_of(member) for member in self.members]
        return attributes


def written(rdn: list[tuple[str, str]]) -> str:
    return "+".join(f"{name}={dn.escape(value)}" for name, value in rdn)


def record(name: str, classes: list[str], attributes: Attributes, change: str | None = None) -> str:
    """An entry as a block of LDIF, as content or as the change that adds it."""
    lines = [ldif.line("dn", name)]
    if change:
        lines.append(f"changetype: {change}")
    lines += [ldif.line("objectClass", value) for value in classes]
    for attribute, values in attributes.items():
        lines += [ldif.line(attribute, value) for value in values]
    return "\n".join(lines)


def modification(name: str, changes: list[tuple[str, str, list[str]]]) -> str:
    """A change of attributes: (`add` | `replace` | `delete`, attribute, values) each."""
    lines = [ldif.line("dn", name), "changetype: modify"]
    for verb, attribute, values in changes:
        lines.append(f"{verb}: {attribute}")
        lines += [ldif.line(attribute, value) for value in values]
        lines.append("-")
    return "\n".join(lines)


def renaming(name: str, rdn: list[tuple[str, str]], parent: str | None = None) -> str:
    """A change of name, and of place when a parent is given. The old name goes."""
    lines = [ldif.line("dn", name), "changetype: modrdn", ldif.line("newrdn", written(rdn)), "deleteoldrdn: 1"]
    if parent:
        lines.append(ldif.line("newsuperior", parent))
    return "\n".join(lines)


def removal(name: str) -> str:
    return "\n".join([ldif.line("dn", name), "changetype: delete"])
