"""What every Python judge shares: named checks, one line each, exit 1 when one fails.

    from judge import check, main

    @check
    def reads_the_item(site):
        assert ...

    main()

A check whose docstring says which rows it covers counts in the inventory. `main` takes what the test tells the script as one
JSON object in its first argument and hands it to each check: those named in its list `checks`, in that order, or all of them
in the order written. It prints `ok <check>` or `failed <check>`, with the reason on standard error.
"""

import json
import sys
import time
import traceback

_checks = {}


def check(function):
    _checks[function.__name__] = function
    return function


def main():
    site = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    failed = False
    for name in site.get("checks", list(_checks)):
        try:
            _checks[name](site)
        except Exception:  # whatever went wrong, the check has failed and the next one still runs
            failed = True
            print(f"failed {name}", flush=True)
            traceback.print_exc()
        else:
            print(f"ok {name}", flush=True)
    sys.exit(1 if failed or not _checks else 0)


def eventually(what, answer, patience_s=60):
    """Asks until the answer is truthy; a judge does not know how long the other side takes."""
    deadline = time.monotonic() + patience_s
    while True:
        value = answer()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not in {patience_s} s"
        time.sleep(0.1)
