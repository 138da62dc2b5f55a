# Speaks SCIM to a server as others do and says in JSON what it saw: `scim.py check` runs scim2-tester, `scim.py push` is
# a client that pushes two people and a group with scim2-client. SCIM_URL and SCIM_TOKEN say where.
import json
import os
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest
from scim2_tester import Status, check_server

GOOD = (Status.SUCCESS, Status.COMPLIANT)


def connect():
    headers = {"Authorization": "Bearer " + os.environ["SCIM_TOKEN"]}
    client = SyncSCIMClient(Client(base_url=os.environ["SCIM_URL"], headers=headers, timeout=30))
    client.discover()
    return client


def check(client):
    results = check_server(client)
    bad = [f"{one.status.name} {one.title}: {one.reason}" for one in results if one.status not in GOOD]
    return {"checks": len(results), "bad": bad}


def push(client):
    User, Group = client.get_resource_model("User"), client.get_resource_model("Group")
    made = []
    for name in ("grace", "jonas"):
        address = f"{name}@acme.example"
        user = User(user_name=address, emails=[{"value": address, "primary": True}], active=True)
        made.append(client.create(user))
    grace, jonas = made
    group = client.create(Group(display_name="Pushed", members=[{"value": grace.id}, {"value": jonas.id}]))
    grace.display_name = "Grace Example"
    grace = client.replace(grace)
    leave = PatchOp[User](operations=[PatchOperation(op=PatchOperation.Op.replace_, path="active", value=False)])
    client.modify(User, jonas.id, leave)
    found = client.query(User, query_parameters=SearchRequest(filter='userName eq "JONAS@acme.example"'))
    client.delete(User, grace.id)
    left = client.query(Group, group.id)
    return {
        "name": grace.display_name,
        "found": [[user.user_name, user.active] for user in found.resources],
        "members": [member.value == jonas.id for member in left.members],
    }


print(json.dumps({"check": check, "push": push}[sys.argv[1]](connect())))
