"""Distinguished names (RFC 4514), compared the way a directory compares them."""

HEX = set("0123456789abcdefABCDEF")
ESCAPED = set(',+"\\<>;=# ')


class DnError(ValueError):
    """The text is no distinguished name."""


def normalise(text: str) -> tuple[frozenset[tuple[str, str]], ...]:
    """A form that is equal for equal names: types in lower case, values without escapes, case and extra spaces."""
    if text.strip() == "":
        return ()
    return tuple(frozenset(_assertion(part) for part in _split(rdn, "+")) for rdn in _split(text, ",;"))


def is_below(name: str, base: str) -> bool:
    """True for the base itself and everything under it."""
    inner, outer = normalise(name), normalise(base)
    return len(inner) >= len(outer) and inner[len(inner) - len(outer) :] == outer


def escape(value: str) -> str:
    """A value as it may stand in a name."""
    text = "".join("\\" + c if c in ',+"\\<>;=' else c for c in value)
    if text.startswith((" ", "#")):
        text = "\\" + text
    if text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1] + "\\ "
    return text


def _split(text: str, separators: str) -> list[str]:
    parts = [""]
    quoted = escaped = False
    for c in text:
        if escaped:
            parts[-1] += c
            escaped = False
        elif c == "\\":
            parts[-1] += c
            escaped = True
        elif c == '"':
            parts[-1] += c
            quoted = not quoted
        elif c in separators and not quoted:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def _assertion(text: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    if not equals or not kind.strip():
        raise DnError(f"no attribute type in {text!r}")
    return kind.strip().lower(), " ".join(_unescape(value).casefold().split())


def _unescape(value: str) -> str:
    data = bytearray()
    value = _trim(value)
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    at = 0
    while at < len(value):
        c = value[at]
        pair = value[at + 1 : at + 3]
        if c != "\\":
            data += c.encode("utf-8")
            at += 1
        elif len(pair) == 2 and set(pair) <= HEX:
            data.append(int(pair, 16))
            at += 3
        elif pair and pair[0] in ESCAPED:
            data += pair[0].encode("utf-8")
            at += 2
        else:
            raise DnError(f"a lone backslash in {value!r}")
    return data.decode("utf-8", errors="replace")


def _trim(value: str) -> str:
    value = value.lstrip(" ")
    while value.endswith(" ") and not value.endswith("\\ "):
        value = value[:-1]
    return value
