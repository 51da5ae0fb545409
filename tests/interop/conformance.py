#!/usr/bin/env python3
"""Lets scim2-tester, a conformance suite that is not ours, examine a SCIM server.

    conformance.py BASE_URL TOKEN

Prints a line for each check that is not as it should be, and how many there were. Exit status: 0 when every check was
made and passed, 1 when one failed, merely deviates, or was skipped, or when users or groups were not looked at.
"""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

PASSED = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def main() -> int:
    base_url, token = sys.argv[1:]
    # A proxy of the environment would see requests to this machine.
    http = Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False)
    results = check_server(SyncSCIMClient(http))
    failed = [result for result in results if result.status not in PASSED]
    for result in failed:
        about = f"{result.resource_type}: " if result.resource_type else ""
        print(f"{result.status.name} {about}{result.title}: {result.reason}")
    types = {result.resource_type for result in results if result.resource_type}
    print(f"{len(results)} checks of {', '.join(sorted(types))}: {len(failed)} not passed")
    return 1 if failed or not types >= {"Group", "User"} else 0


if __name__ == "__main__":
    sys.exit(main())
