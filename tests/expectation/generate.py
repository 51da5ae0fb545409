#!/usr/bin/env python3
"""Writes a directory full of what real directories hold, `base.ldif`, and thirty changes to it, `changes.ldif`.

The same seed gives the same files. Load the first with `slapadd`, the second with `ldapmodify`. The server is expected to
keep references in order (the overlay `refint` for member, uniqueMember and manager). No change asks to remove so much that
accidental-deletion prevention would hold it.
"""

import argparse
import random
import sys
from pathlib import Path

import people
from changes import thirty_changes
from directory import Attributes, Group, Person, record

KINDS = ["groupOfNames", "groupOfUniqueNames", "posixGroup", "groupOfNames", "groupOfNames"]
FIRST_GID = 20000


class Generator:
    """Draws a directory of some size."""

    def __init__(self, users: int, groups: int, seed: int, suffix: str):
        self.random = random.Random(seed)
        self.suffix = suffix
        self.people_base = f"ou=people,{suffix}"
        self.groups_base = f"ou=groups,{suffix}"
        self.units = [self.people_base, f"ou=emea,{self.people_base}", f"ou=Land\\, Süd,ou=emea,{self.people_base}"]
        self.people = [self.person(number) for number in range(users)]
        self.give_managers()
        self.groups = [self.group(number) for number in range(groups)]
        self.nest()

    def person(self, number: int) -> Person:
        draw = self.random
        given, family = draw.choice(people.GIVEN), draw.choice(people.FAMILY)
        uid = f"p{number:05d}"
        if number % 17 == 3:
            uid = f"zoë.{number:05d}"
        elif number % 17 == 5:
            uid = f"o'brien-{number:05d}"
        cn = f"{given} {family} {number}"
        if number % 11 == 4:
            cn = people.AWKWARD[number // 11 % len(people.AWKWARD)].format(given=given, family=family) + f" {number}"
        attributes: Attributes = {"uid": [uid], "cn": [cn], "sn": [family]}
        self.fill(attributes, number, given)
        rdn = [("uid", uid)]
        if number % 11 == 4:
            rdn = [("cn", cn)]
        elif number % 29 == 7:
            rdn = [("cn", cn), ("uid", uid)]
        return Person(rdn, self.units[number % 3], attributes)

    def fill(self, attributes: Attributes, number: int, given: str) -> None:
        """Everything that may be there: each attribute with its own chance, so that none is always there."""
        draw = self.random
        city, region, code, country, street = draw.choice(people.PLACES)
        optional: list[tuple[float, str, list[str | bytes]]] = [
            (0.9, "givenName", [given]),
            (0.6, "displayName", [f"{given} ({number})"]),
            (0.85, "mail", [f"{name}@example.com" for name in draw.sample([f"p{number}", f"alias{number}", f"z{number}"], draw.randint(1, 3))]),
            (0.5, "title", draw.sample(people.TITLES, draw.randint(1, 2))),
            (0.4, "preferredLanguage", [draw.choice(people.LANGUAGES)]),
            (0.6, "telephoneNumber", [f"+49 30 {draw.randint(100000, 999999)}" for _ in range(draw.randint(1, 2))]),
            (0.4, "mobile", [f"+48 600 {draw.randint(100000, 999999)}"]),
            (0.1, "facsimileTelephoneNumber", [f"+1 217 {draw.randint(1000000, 9999999)}"]),
            (0.3, "physicalDeliveryOfficeName", [f"Building {draw.randint(1, 9)}, Room {draw.randint(100, 999)}"]),
            (0.4, "street", [street]),
            (0.5, "l", [city]),
            (0.3, "st", [region]),
            (0.4, "postalCode", [code]),
            (0.2, "c", [country]),
            (0.7, "employeeNumber", [f"{number:06d}"]),
            (0.6, "departmentNumber", draw.sample(people.DEPARTMENTS, draw.randint(1, 2))),
            (0.1, "description", ["a long line of text that has to be folded " * 4 + "and ends with an umlaut: ü"]),
            (0.02, "jpegPhoto", [bytes(draw.randrange(256) for _ in range(600))]),
        ]
        for chance, name, values in optional:
            if draw.random() < chance:
                attributes[name] = values

    def give_managers(self) -> None:
        draw = self.random
        for person in self.people:
            if draw.random() < 0.6:
                person.attributes["manager"] = [draw.choice(self.people).dn]
        # A ring of three, a pair, someone who answers to himself, and someone whose manager is not there.
        first, second, third, fourth, fifth, alone, lost = self.people[:7]
        for person, manager in [(first, second), (second, third), (third, first), (fourth, fifth), (fifth, fourth), (alone, alone)]:
            person.attributes["manager"] = [manager.dn]
        lost.attributes["manager"] = [f"uid=ghost,{self.people_base}"]

    def group(self, number: int) -> Group:
        draw = self.random
        if number == 0:
            group = Group("groupOfNames", "everyone", self.groups_base)
            group.members = list(self.people)
            return group
        kind = KINDS[number % len(KINDS)]
        cn = f"Team {number:02d}" if number % 6 else f"Sales, EMEA + Süd {number:02d}"
        group = Group(kind, cn, self.groups_base)
        group.number = FIRST_GID + number
        candidates = self.people
        if kind == "posixGroup":
            # A memberUid is plain ASCII.
            candidates = [person for person in self.people if person.uid.isascii()]
        size = draw.randint(6, max(6, min(40, len(candidates) // 5)))
        group.members = list(draw.sample(candidates, size))
        if number % 4 == 1:
            group.members.append("ghost" if kind == "posixGroup" else f"cn=placeholder,{self.suffix}")
        if number == len(KINDS):
            # posixGroup may be empty; the others need a member, which leads nowhere.
            group.members = [f"cn=placeholder,{self.suffix}"]
        return group

    def nest(self) -> None:
        """Some groups hold the one before them, so that references point both forth and back."""
        for inner, outer in zip(self.groups[2:], self.groups[3:]):
            if outer.kind != "posixGroup" and self.random.random() < 0.2:
                outer.members.append(inner)

    def base(self) -> str:
        organisation = {"o": ["Example"], "dc": [self.suffix.split(",")[0].partition("=")[2]]}
        blocks = [record(self.suffix, ["top", "dcObject", "organization"], organisation)]
        for unit, name in zip([*self.units, self.groups_base], ["people", "emea", "Land, Süd", "groups"]):
            blocks.append(record(unit, ["top", "organizationalUnit"], {"ou": [name]}))
        blocks += [record(person.dn, person.classes, person.attributes) for person in self.people]
        blocks += [record(group.dn, ["top", group.kind], group.attributes()) for group in self.groups]
        return "\n\n".join(blocks) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suffix", default="dc=example,dc=org")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.users < 100 or arguments.groups < 20:
        parser.error("the changes need 100 users and 20 groups to choose from")
    generator = Generator(arguments.users, arguments.groups, arguments.seed, arguments.suffix)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "base.ldif").write_text(generator.base(), "utf-8")
    changes = thirty_changes(generator)
    (arguments.out / "changes.ldif").write_text("\n\n".join(changes) + "\n", "utf-8")
    print(f"{len(generator.people)} users, {len(generator.groups)} groups, {len(changes)} changes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
