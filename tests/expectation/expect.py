#!/usr/bin/env python3
"""Computes what a target should hold for a directory, and compares it with what the target holds.

It shares no code with the program it judges. A run of the end-to-end test:

    expect.py directory --uri ldap://… --bind-dn … --password … --out before.json
    expect.py compare   --expected before.json --target http://…/scim/v2 --token …
    expect.py snapshot  --target http://…/scim/v2 --token … --out target.json
    (the directory changes, a cycle runs)
    expect.py directory … --before before.json --out after.json
    expect.py compare   --expected after.json …
    expect.py writes    --before before.json --after after.json --snapshot target.json --target … --token …

Exit status: 0 when all is as expected, 1 with every difference on its own line, 2 when the question could not be asked.
"""

import argparse
import json
import subprocess
import sys
import urllib.error
from pathlib import Path

import differences
import ldif
import view
import writes
from target import Target
from target import view as view_of

SHOWN = 200


def main() -> int:
    arguments = parser().parse_args()
    try:
        return arguments.run(arguments)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError, urllib.error.URLError) as error:
        print(f"cannot tell: {type(error).__name__}: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = root.add_subparsers(required=True)

    directory = commands.add_parser("directory", help="the view that a directory asks for")
    origin = directory.add_mutually_exclusive_group(required=True)
    origin.add_argument("--uri", help="the LDAP server to search")
    origin.add_argument("--ldif", type=Path, help="the output of such a search, with operational attributes")
    directory.add_argument("--bind-dn")
    directory.add_argument("--password")
    directory.add_argument("--suffix", default="dc=example,dc=org")
    directory.add_argument("--users-base", help="default: ou=people below the suffix")
    directory.add_argument("--groups-base", help="default: ou=groups below the suffix")
    directory.add_argument("--before", type=Path, help="the view before the changes, for what is carried over")
    directory.add_argument("--out", type=Path, required=True)
    directory.set_defaults(run=run_directory)

    compare = commands.add_parser("compare", help="the target against a view")
    compare.add_argument("--expected", type=Path, required=True)
    compare.add_argument("--living-members", action="store_true", help="leave out members that lead to no resource")
    compare.set_defaults(run=run_compare)

    snapshot = commands.add_parser("snapshot", help="the target as it is, to count writes from")
    snapshot.add_argument("--out", type=Path, required=True)
    snapshot.set_defaults(run=run_snapshot)

    count = commands.add_parser("writes", help="the target's journal against what the changes need")
    count.add_argument("--before", type=Path, required=True)
    count.add_argument("--after", type=Path, required=True)
    count.add_argument("--snapshot", type=Path, required=True)
    count.set_defaults(run=run_writes)

    for command in (compare, snapshot, count):
        command.add_argument("--target", required=True, help="the base URL, up to /scim/v2")
        command.add_argument("--token", required=True)
    return root


def run_directory(arguments: argparse.Namespace) -> int:
    text = arguments.ldif.read_text("utf-8") if arguments.ldif else search(arguments)
    suffix = arguments.suffix
    now = view.of_directory(
        ldif.parse(text),
        arguments.users_base or f"ou=people,{suffix}",
        arguments.groups_base or f"ou=groups,{suffix}",
    )
    if arguments.before:
        now = view.carried_over(load(arguments.before), now)
    save(arguments.out, now)
    print(f"expected: {len(now['users'])} users, {len(now['groups'])} groups")
    return 0


def search(arguments: argparse.Namespace) -> str:
    command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", arguments.uri, "-b", arguments.suffix]
    if arguments.bind_dn:
        command += ["-D", arguments.bind_dn, "-w", arguments.password or ""]
    command += ["(objectClass=*)", "*", "entryUUID"]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout.decode("utf-8")


def run_compare(arguments: argparse.Namespace) -> int:
    found = view_of(Target(arguments.target, arguments.token).contents(), arguments.living_members)
    return told(differences.between(load(arguments.expected), found), "the target equals the expectation")


def run_snapshot(arguments: argparse.Namespace) -> int:
    save(arguments.out, Target(arguments.target, arguments.token).snapshot())
    return 0


def run_writes(arguments: argparse.Namespace) -> int:
    before, after = load(arguments.before), load(arguments.after)
    target = Target(arguments.target, arguments.token)
    wanted = writes.expected(before, after)
    found = writes.journaled(target.journal(), load(arguments.snapshot), target.snapshot())
    lines = writes.differences(wanted, found, writes.names(before, after))
    return told(lines, f"the target got the {wanted.total()} writes that the changes need")


def told(lines: list[str], success: str) -> int:
    for line in lines[:SHOWN]:
        print(line)
    if len(lines) > SHOWN:
        print(f"… and {len(lines) - SHOWN} more")
    if not lines:
        print(success)
    return 1 if lines else 0


def load(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def save(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
