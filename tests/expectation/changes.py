"""Thirty changes of a working day: people join, move, are renamed and leave, and groups with them."""

from directory import Group, Person, modification, record, removal, renaming

CHANGES = 30


def thirty_changes(directory) -> list[str]:
    """The changes as LDIF, in an order in which a server accepts them."""
    chooser = Chooser(directory)
    # Joiners come after the group that names one of them already, everything else is in mixed order.
    changes = (
        preregistration(chooser)
        + attribute_changes(chooser)
        + joiners(chooser)
        + renamings(chooser)
        + moves(chooser)
        + group_changes(chooser)
        + leavers(chooser)
    )
    assert len(changes) == CHANGES, f"{len(changes)} changes"
    return changes


class Chooser:
    """Hands out every person and group once, so that no change undoes what another one is about."""

    def __init__(self, directory):
        self.directory = directory
        self.joiners: list[Person] = []
        self.random = directory.random
        self.managers = {value for person in directory.people for value in person.attributes.get("manager", [])}
        self.posix = {
            person.uid for group in directory.groups if group.kind == "posixGroup" for person in group.people()
        }
        # The first seven are the rings of managers, which stay as they are.
        people = directory.people[7:]
        self.people = self.random.sample(people, len(people))
        nested = {id(member) for group in directory.groups for member in group.members if isinstance(member, Group)}
        self.groups = [group for group in directory.groups[1:] if len(group.people()) >= 6 and id(group) not in nested]
        self.random.shuffle(self.groups)

    def is_manager(self, person: Person) -> bool:
        return person.dn in self.managers

    def in_posix(self, person: Person) -> bool:
        """A server keeps names in order when somebody is renamed, but no memberUid."""
        return person.uid in self.posix

    def person(self, fits=lambda person: True) -> Person:
        chosen = next(person for person in self.people if fits(person))
        self.people.remove(chosen)
        return chosen

    def group(self, fits=lambda group: True) -> Group:
        chosen = next(group for group in self.groups if fits(group))
        self.groups.remove(chosen)
        return chosen


def has(*names: str):
    return lambda person: all(name in person.attributes for name in names)


def lacks(name: str):
    return lambda person: name not in person.attributes


def joiner(directory, uid: str, **attributes: str) -> Person:
    values = {"uid": [uid], **{name: [value] for name, value in attributes.items()}}
    return Person([("uid", uid)], directory.people_base, values)


def preregistration(chooser: Chooser) -> list[str]:
    """A group names somebody who is not there yet."""
    group = chooser.group(lambda group: group.kind == "groupOfNames")
    future = f"uid=new.early,{chooser.directory.people_base}"
    return [modification(group.dn, [("add", "member", [future])])]


def attribute_changes(chooser: Chooser) -> list[str]:
    plain = chooser.person(lacks("title"))
    aliased = chooser.person(has("mail"))
    silent = chooser.person(lambda person: len(person.attributes.get("telephoneNumber", [])) == 1)
    nameless = chooser.person(has("givenName"))
    shown = chooser.person(lacks("displayName"))
    often = chooser.person(has("employeeNumber"))
    subordinate = chooser.person(has("manager"))
    manager = chooser.random.choice(chooser.directory.people[:7])
    return [
        modification(plain.dn, [("replace", "title", ["Chief of Staff"]), ("replace", "l", ["Zürich"])]),
        # Sorts behind every other address, so the work address stays.
        modification(aliased.dn, [("add", "mail", ["zzz@example.com"])]),
        # Nothing flows where the source has nothing.
        modification(silent.dn, [("delete", "telephoneNumber", [])]),
        modification(nameless.dn, [("delete", "givenName", [])]),
        modification(shown.dn, [("add", "displayName", ["Shown, now"])]),
        modification(often.dn, [("replace", "title", ["Trainee"])]),
        modification(subordinate.dn, [("replace", "manager", [manager.dn])]),
        modification(often.dn, [("replace", "employeeNumber", ["900001"]), ("replace", "title", ["Engineer"])]),
        modification(often.dn, [("replace", "title", ["Head of R&D"]), ("replace", "departmentNumber", ["R&D"])]),
    ]


def joiners(chooser: Chooser) -> list[str]:
    directory = chooser.directory
    head = joiner(directory, "new.head", cn="Head Of Newcomers", sn="Newcomers", title="Head")
    early = joiner(directory, "new.early", cn="Early Bird", sn="Bird", givenName="Early", manager=directory.people[1].dn)
    unicode = joiner(directory, "new.ünïcode", cn="太郎 山田", sn="山田", givenName="太郎", mail="taro@example.com")
    # The manager joins in the same cycle.
    follower = joiner(directory, "new.follower", cn="Follower", sn="Follower", manager=head.dn)
    added = [head, early, unicode, follower]
    chooser.joiners = added
    return [record(person.dn, person.classes, person.attributes, "add") for person in added]


def renamings(chooser: Chooser) -> list[str]:
    """All of them are members of the big group at least."""
    by_uid = chooser.person(lambda person: person.rdn[0][0] == "uid" and not chooser.in_posix(person))
    by_name = chooser.person(lambda person: person.rdn[0][0] == "cn" and len(person.rdn) == 1)
    manager = chooser.person(lambda p: p.rdn[0][0] == "uid" and not chooser.in_posix(p) and chooser.is_manager(p))
    return [
        renaming(by_uid.dn, [("uid", f"renamed-{by_uid.uid}")]),
        renaming(by_name.dn, [("cn", "Married, Now + Forever")]),
        renaming(manager.dn, [("uid", f"renamed-{manager.uid}")]),
    ]


def moves(chooser: Chooser) -> list[str]:
    units = chooser.directory.units
    down = chooser.person(lambda person: person.parent == units[0])
    up = chooser.person(lambda person: person.parent == units[2] and chooser.is_manager(person))
    return [renaming(down.dn, down.rdn, units[1]), renaming(up.dn, up.rdn, units[0])]


def group_changes(chooser: Chooser) -> list[str]:
    people = chooser.directory.people
    def named(group: Group) -> bool:
        return group.kind != "posixGroup"

    grown, shrunk, both = chooser.group(named), chooser.group(named), chooser.group(named)
    posix = chooser.group(lambda group: group.kind == "posixGroup")
    renamed, deleted = chooser.group(named), chooser.group(lambda group: len(group.people()) <= 40)
    outsiders = [chooser.person(lambda person: person not in grown.members) for _ in range(2)]
    outsider = chooser.person(lambda person: person not in posix.members and person.uid.isascii())
    leaving = chooser.person(lambda person: person in shrunk.members)
    replaced = chooser.person(lambda person: person in both.members)
    created = Group("groupOfNames", "Newcomers", chooser.directory.groups_base)
    created.members = [*chooser.joiners, people[3], f"cn=placeholder,{chooser.directory.suffix}"]
    return [
        modification(grown.dn, [("add", grown.member_attribute, [person.dn for person in outsiders])]),
        modification(shrunk.dn, [("delete", shrunk.member_attribute, [leaving.dn])]),
        modification(
            both.dn,
            [
                ("add", both.member_attribute, [chooser.joiners[0].dn]),
                ("delete", both.member_attribute, [replaced.dn]),
            ],
        ),
        modification(posix.dn, [("add", "memberUid", [outsider.uid])]),
        renaming(renamed.dn, [("cn", "Renamed, Team")]),
        record(created.dn, ["top", created.kind], created.attributes(), "add"),
        removal(deleted.dn),
    ]


def leavers(chooser: Chooser) -> list[str]:
    return [removal(chooser.person(lambda person: not chooser.is_manager(person)).dn) for _ in range(4)]
