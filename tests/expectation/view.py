"""What a target should hold for a directory, by the rules of the template `scim` for LDAP.

A view is plain JSON: `{"users": {entryUUID: {path: value}}, "groups": {entryUUID: {"displayName": …, "members": [entryUUID]}}}`.
References are told by the entryUUID of their far end, `manager` like the other paths of a user.
"""

import dn
from ldif import Entry

GROUP_CLASSES = ("groupOfNames", "groupOfUniqueNames", "posixGroup")

# Target path by source attribute, where the value goes over as it is.
DIRECT = {
    "userName": "uid",
    "name.givenName": "givenName",
    "name.familyName": "sn",
    "emails[work].value": "mail",
    "title": "title",
    "preferredLanguage": "preferredLanguage",
    "phoneNumbers[work].value": "telephoneNumber",
    "phoneNumbers[mobile].value": "mobile",
    "phoneNumbers[fax].value": "facsimileTelephoneNumber",
    "addresses[work].formatted": "physicalDeliveryOfficeName",
    "addresses[work].streetAddress": "street",
    "addresses[work].locality": "l",
    "addresses[work].region": "st",
    "addresses[work].postalCode": "postalCode",
    "addresses[work].country": "c",
    "enterprise.employeeNumber": "employeeNumber",
    "enterprise.department": "departmentNumber",
}


def of_directory(entries: list[Entry], users_base: str, groups_base: str) -> dict:
    """The view of a directory that nothing was provisioned from before."""
    people = [e for e in entries if e.has_class("inetOrgPerson") and dn.is_below(e.dn, users_base)]
    groups = [e for e in entries if any(map(e.has_class, GROUP_CLASSES)) and dn.is_below(e.dn, groups_base)]
    by_name = {dn.normalise(entry.dn): _anchor(entry) for entry in people + groups}
    by_uid = {uid: _anchor(person) for person in people for uid in person.values("uid")}
    managers = {dn.normalise(person.dn): _anchor(person) for person in people}
    return {
        "users": {_anchor(person): _user(person, managers) for person in people},
        "groups": {_anchor(group): _group(group, by_name, by_uid) for group in groups},
    }


def carried_over(before: dict, now: dict) -> dict:
    """The view after changes: an attribute whose source is gone keeps its value; a reference that is gone, goes."""
    users = {}
    for anchor, user in now["users"].items():
        kept = {path: value for path, value in before["users"].get(anchor, {}).items() if path != "manager"}
        users[anchor] = {**kept, **user}
    groups = {}
    for anchor, group in now["groups"].items():
        groups[anchor] = {**before["groups"].get(anchor, {}), **group}
    return {"users": users, "groups": groups}


def _anchor(entry: Entry) -> str:
    anchor = entry.first("entryUUID")
    if anchor is None:
        raise ValueError(f"{entry.dn!r} has no entryUUID: ask for operational attributes too")
    return anchor


def _user(entry: Entry, managers: dict) -> dict:
    user = {path: entry.first(attribute) for path, attribute in DIRECT.items()}
    user["displayName"] = entry.first("displayName") or entry.first("cn")
    names = [part for part in (entry.first("givenName"), entry.first("sn")) if part]
    user["name.formatted"] = " ".join(names) or None
    user["externalId"] = _anchor(entry)
    user["active"] = True
    user["manager"] = next((managers[name] for name in _references(entry, "manager") if name in managers), None)
    return {path: value for path, value in user.items() if value is not None}


def _group(entry: Entry, by_name: dict, by_uid: dict) -> dict:
    members = {
        by_name[name]
        for attribute in ("member", "uniqueMember")
        for name in _references(entry, attribute)
        if name in by_name
    }
    members |= {by_uid[uid] for uid in entry.values("memberUid") if uid in by_uid}
    group = {"displayName": entry.first("cn"), "externalId": _anchor(entry), "members": sorted(members)}
    return {path: value for path, value in group.items() if value is not None}


def _references(entry: Entry, attribute: str) -> list[tuple]:
    """The names an attribute holds. A group that must have a member has itself for one: that is no reference."""
    names = []
    own = dn.normalise(entry.dn) if attribute != "manager" else None
    for value in entry.values(attribute):
        try:
            names.append(dn.normalise(value))
        except dn.DnError:
            continue
    return [name for name in names if name != own]
