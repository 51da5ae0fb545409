"""LDIF (RFC 2849), read and written: records of attribute names and byte values."""

import base64
from dataclasses import dataclass, field

FOLD_AT = 76


class LdifError(ValueError):
    """The text is no LDIF."""


@dataclass
class Entry:
    """One entry: its name, and its values by attribute name in lower case."""

    dn: str
    attributes: dict[str, list[bytes]] = field(default_factory=dict)

    def values(self, name: str) -> list[str]:
        """The values as text, in the order of their UTF-8 bytes. What is no UTF-8 is no text and left out."""
        texts = []
        for value in sorted(self.attributes.get(name.lower(), [])):
            try:
                texts.append(value.decode("utf-8"))
            except UnicodeDecodeError:
                continue
        return texts

    def first(self, name: str) -> str | None:
        """The first value by byte order: what a single-valued attribute takes from several."""
        values = self.values(name)
        return values[0] if values else None

    def has_class(self, name: str) -> bool:
        return any(value.lower() == name.lower() for value in self.values("objectClass"))


def parse(text: str) -> list[Entry]:
    """The entries of a search result or of a file without change types. Blocks without a name are skipped."""
    entries = []
    for block in _blocks(text):
        entry = None
        for line in block:
            name, value = _attribute(line)
            if name == "dn":
                entry = Entry(value.decode("utf-8"))
            elif entry is not None:
                entry.attributes.setdefault(name, []).append(value)
        if entry is not None:
            entries.append(entry)
    return entries


def _blocks(text: str) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    comment = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(" "):
            # A folded line goes on; folded comments go on as comments.
            if not comment:
                if not blocks[-1]:
                    raise LdifError("a continuation line without a line before it")
                blocks[-1][-1] += line[1:]
            continue
        comment = line.startswith("#")
        if comment:
            continue
        if line == "":
            blocks.append([])
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _attribute(line: str) -> tuple[str, bytes]:
    name, colon, rest = line.partition(":")
    if not colon:
        raise LdifError(f"a line without a colon: {line[:40]!r}")
    if rest.startswith(":"):
        return name.lower(), base64.b64decode(rest[1:].strip(), validate=True)
    if rest.startswith("<"):
        raise LdifError("values by URL are not read")
    return name.lower(), rest.lstrip(" ").encode("utf-8")


def line(name: str, value: str | bytes) -> str:
    """One attribute line, in base64 where it must be, folded."""
    data = value.encode("utf-8") if isinstance(value, str) else value
    if _is_safe(data):
        whole = f"{name}: {data.decode('ascii')}" if data else f"{name}:"
    else:
        whole = f"{name}:: {base64.b64encode(data).decode('ascii')}"
    pieces = [whole[:FOLD_AT]]
    rest = whole[FOLD_AT:]
    while rest:
        pieces.append(" " + rest[: FOLD_AT - 1])
        rest = rest[FOLD_AT - 1 :]
    return "\n".join(pieces)


def _is_safe(data: bytes) -> bool:
    if not data:
        return True
    safe_start = data[0] not in b" :<" and not data.endswith(b" ")
    return safe_start and all(0x20 <= byte < 0x7F for byte in data)
