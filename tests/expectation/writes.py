"""How many write requests lead from one view to the next, told by method and resource.

The rules: one request for each created, changed and deleted resource; one for each further chunk of members; one more
where a resource has a removal besides another change, because removals wait until the whole cycle is judged; one for
each reference that could not be resolved when its resource was created. What vanishes together with a deleted
resource costs nothing.
"""

import json
import math
from collections import Counter

MEMBERS_PER_REQUEST = 100
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def expected(before: dict, after: dict) -> Counter:
    """Requests by (method, endpoint, anchor)."""
    counts: Counter = Counter()
    gone = {anchor for kind in ("users", "groups") for anchor in before[kind].keys() - after[kind].keys()}
    for kind, endpoint in (("users", "Users"), ("groups", "Groups")):
        new = after[kind].keys() - before[kind].keys()
        for anchor in before[kind].keys() - after[kind].keys():
            counts["DELETE", endpoint, anchor] += 1
        for anchor in new:
            counts["POST", endpoint, anchor] += 1
            counts["PATCH", endpoint, anchor] += _after_creation(after[kind][anchor], new)
        for anchor in before[kind].keys() & after[kind].keys():
            patches = _patches(before[kind][anchor], after[kind][anchor], gone, new)
            counts["PATCH", endpoint, anchor] += patches
    return +counts


def _after_creation(resource: dict, new: set[str]) -> int:
    """References to resources of the same kind that are created in the same cycle cannot be part of the creation."""
    references = set(resource.get("members", [])) | ({resource["manager"]} if "manager" in resource else set())
    unresolved = references & new
    resolved = len(set(resource.get("members", [])) - new)
    return len(unresolved) + max(0, math.ceil(resolved / MEMBERS_PER_REQUEST) - 1)


def _patches(before: dict, after: dict, gone: set[str], new: set[str]) -> int:
    """Requests for a resource that was there and stays."""
    plain = any(after.get(path) != before.get(path) for path in after if path not in ("members", "manager"))
    old, now = set(before.get("members", [])), set(after.get("members", []))
    removed = old - now - gone
    added = now - old
    manager, former = after.get("manager"), before.get("manager")
    late = manager in new and manager != former
    referenced = manager is not None and manager != former and not late
    cleared = manager is None and former is not None and former not in gone
    changes = max(int(plain or referenced), math.ceil(len(added) / MEMBERS_PER_REQUEST))
    removals = math.ceil(len(removed) / MEMBERS_PER_REQUEST) + int(cleared)
    return changes + removals + int(late)


def journaled(journal: list[dict], before: dict, after: dict) -> Counter:
    """The writes of a journal by (method, endpoint, anchor). `before` and `after` are snapshots of the target."""
    anchors = {}
    for snapshot in (before, after):
        for resource in snapshot["users"] + snapshot["groups"]:
            anchors[resource["id"]] = resource.get("externalId", f"id {resource['id']}")
    counts: Counter = Counter()
    for entry in journal:
        if entry["sequence"] <= before["journal"] or entry["method"] not in WRITES:
            continue
        # The path may begin with the base, as in `/scim/v2/Users/7`.
        segments = entry["path"].split("?")[0].removeprefix("/scim/v2").strip("/").split("/")
        if segments[-1] == ".search":
            continue
        endpoint = segments[0]
        if len(segments) > 1:
            anchor = anchors.get(segments[1], f"id {segments[1]}")
        else:
            anchor = _body(entry).get("externalId", "without externalId")
        counts[entry["method"], endpoint, anchor] += 1
    return counts


def _body(entry: dict) -> dict:
    body = entry.get("body") or {}
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = {}
    return body if isinstance(body, dict) else {}


def differences(wanted: Counter, found: Counter, names: dict[str, str]) -> list[str]:
    """Every request that is missing or too much."""
    lines = []
    for key in sorted(wanted.keys() | found.keys()):
        if wanted[key] != found[key]:
            method, endpoint, anchor = key
            name = names.get(anchor, "unknown")
            lines.append(f"{method} {endpoint} {name} ({anchor}): {found[key]} requests, not {wanted[key]}")
    return lines


def names(*views: dict) -> dict[str, str]:
    """A name for each anchor, to read the differences by."""
    found = {}
    for view in views:
        for kind in ("users", "groups"):
            for anchor, resource in view[kind].items():
                found[anchor] = resource.get("userName") or resource.get("displayName") or ""
    return found
