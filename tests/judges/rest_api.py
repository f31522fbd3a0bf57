"""schemathesis reads the OpenAPI document and asks the REST API everything that it allows, and much that it forbids.

Told: `url` of the server, `token` of an admin, `examples` for each operation. It looks for answers that the document does not
promise (status, content type, shape), for failures of the server, and for requests that break the document and are taken all
the same. That a well-formed request is taken is not asked: no document can say which addresses have a mailbox.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from judge import check, main

HERE = Path(__file__).parent
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
]


def run(site, *arguments):
    program = Path(sys.executable).parent / "st"
    command = [program, "run", f"{site['url']}/api/v1/openapi.json", "--no-color", "--continue-on-failure"]
    command += ["--checks", ",".join(CHECKS), "--header", f"Authorization: Bearer {site['token']}"]
    # The stream of events never ends, and without its own token the judge would find every door closed.
    command += ["--exclude-path", "/api/v1/events", "--exclude-path", "/api/v1/tokens/{token}"]
    command += ["--generation-database", "none", "--seed", str(site.get("seed", 1)), *arguments]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "rest_api_hooks", "PYTHONPATH": str(HERE)}
    # It keeps notes in its folder.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@check
def every_operation_keeps_its_promises(site):
    said = run(site, "--phases", "coverage,fuzzing", "--max-examples", str(site["examples"]))
    assert "Tested: " in said, said


@check
def operations_that_follow_each_other_keep_them_too(site):
    run(site, "--phases", "stateful", "--max-examples", str(site["examples"]))


main()
