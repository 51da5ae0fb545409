"""A SCIM target read back over HTTP, in the shape of a view."""

import json
import urllib.parse
import urllib.request

PAGE_SIZE = 100
TIMEOUT_SECONDS = 60
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# What a server adds, and what only repeats what a reference says.
SERVER_MADE = {"id", "meta", "schemas", "groups"}
DECORATION = {"type", "primary", "display", "$ref"}


class Target:
    """A base URL such as `http://127.0.0.1:8880/scim/v2`, and a bearer token."""

    def __init__(self, base_url: str, token: str):
        self.base_url = base_url.rstrip("/")
        self.token = token
        # A proxy of the environment would see requests to this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, url: str) -> dict | list:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/scim+json, application/json"}
        request = urllib.request.Request(url, headers=headers)
        with self.opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    def resources(self, endpoint: str) -> list[dict]:
        """All resources of an endpoint, page by page."""
        found: list[dict] = []
        seen: set[str] = set()
        while True:
            query = urllib.parse.urlencode({"startIndex": len(found) + 1, "count": PAGE_SIZE})
            page = self.get(f"{self.base_url}/{endpoint}?{query}")
            resources = page.get("Resources", [])
            repeated = seen & {resource["id"] for resource in resources}
            if repeated:
                raise ValueError(f"/{endpoint} lists {sorted(repeated)[0]} on two pages")
            seen |= {resource["id"] for resource in resources}
            found += resources
            if not resources or len(found) >= page["totalResults"]:
                return found

    def journal(self) -> list[dict]:
        """The requests that the target has answered, from its own record."""
        root = urllib.parse.urlsplit(self.base_url)
        found = []
        while True:
            since = f"since={found[-1]['sequence'] if found else 0}"
            page = self.get(urllib.parse.urlunsplit((root.scheme, root.netloc, "/admin/journal", since, "")))
            if not page:
                return found
            found += page

    def snapshot(self) -> dict:
        """Everything that a later comparison needs: the resources, and how long the journal is."""
        last = max((entry["sequence"] for entry in self.journal()), default=0)
        return {**self.contents(), "journal": last}

    def contents(self) -> dict:
        """The resources alone, which any server can tell."""
        return {"users": self.resources("Users"), "groups": self.resources("Groups")}


def view(snapshot: dict, living_members: bool = False) -> dict:
    """The snapshot as a view. A resource without externalId is told by its id, a reference to nothing likewise, unless
    only members are asked for that lead somewhere.
    """
    anchors = {r["id"]: _anchor(r) for r in snapshot["users"] + snapshot["groups"]}
    return {
        "users": _keyed(snapshot["users"], lambda user: _user(user, anchors)),
        "groups": _keyed(snapshot["groups"], lambda group: _group(group, anchors, living_members)),
    }


def _anchor(resource: dict) -> str:
    return resource.get("externalId") or f"id {resource['id']}"


def _keyed(resources: list[dict], read) -> dict:
    keyed = {}
    for resource in resources:
        anchor = _anchor(resource)
        if anchor in keyed:
            anchor = f"{anchor}, again as {resource['id']}"
        keyed[anchor] = read(resource)
    return keyed


def _user(user: dict, anchors: dict) -> dict:
    flat = {}
    for name, value in user.items():
        if name in SERVER_MADE:
            continue
        if name == ENTERPRISE:
            for part, inner in value.items():
                if part == "manager":
                    flat["manager"] = anchors.get(inner.get("value"), f"unknown {inner.get('value')}")
                else:
                    flat[f"enterprise.{part}"] = inner
        elif name == "name":
            flat.update({f"name.{part}": inner for part, inner in value.items()})
        elif isinstance(value, list):
            for element in value:
                inner = {k: v for k, v in element.items() if k not in DECORATION}
                kind = element.get("type", "")
                flat.update({f"{name}[{kind}].{part}": v for part, v in inner.items()})
        else:
            flat[name] = value
    return flat


def _group(group: dict, anchors: dict, living_members: bool) -> dict:
    flat = {name: value for name, value in group.items() if name not in SERVER_MADE}
    ids = [member["value"] for member in group.get("members", [])]
    members = [anchors.get(i, f"unknown {i}") for i in ids if i in anchors or not living_members]
    flat["members"] = sorted(members)
    return flat
