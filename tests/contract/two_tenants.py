"""What Schemathesis is told about the two tenants of openapi_test: ids to ask for, and what must never be shown.

A third of the paths name things of the asking tenant, so that something is there to be answered; a third name things of
the other one, which must be told apart from nothing in no way; the rest keep what was generated.
"""
import json
import os
import re
import zlib

import schemathesis

TENANTS = json.loads(os.environ["TWO_TENANTS"])
THEIR_IDS = set(TENANTS["theirs"].values())


def noun_of(path):
    """The list that a path leads into: "tasks" of /api/v1/tasks/{id}/complete."""
    found = re.match(r"/api/v1/([a-z-]+)/\{", path)
    return found.group(1) if found else None


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    noun = noun_of(context.operation.path)
    if not path_parameters or noun not in TENANTS["mine"]:
        return path_parameters
    made = dict(path_parameters)
    turn = zlib.crc32(json.dumps(made, sort_keys=True, default=str).encode())
    for name in made:
        whose = ("mine", "theirs", None)[turn % 3]
        turn //= 3
        of = noun if name == "task_id" else "comments" if "{task_id}" in context.operation.path else noun
        if whose:
            made[name] = TENANTS[whose][of]
    return made


@schemathesis.check
def nothing_of_the_other_tenant(ctx, response, case):
    asked = json.dumps(case.path_parameters or {}, default=str)
    names_theirs = any(one in asked for one in THEIR_IDS)
    if names_theirs and response.status_code < 300:
        raise AssertionError("a thing of the other tenant was answered")
    if "theirs-" in response.text:
        raise AssertionError("something of the other tenant is shown")
