#!/usr/bin/env python3
"""Writes what the fuzz targets of SCIM begin with: what identity providers send by tests/fixtures/scim, one file each.

    seeds.py [FOLDER]      tests/fuzz/corpus unless said
"""

import hashlib
import json
import pathlib
import sys
import urllib.parse

here = pathlib.Path(__file__).resolve().parent
corpus = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus"


def seed(target, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


for file in sorted((here.parent / "fixtures/scim").glob("*/*.json")):
    for exchange in json.loads(file.read_text()):
        query = urllib.parse.urlsplit(exchange["path"]).query
        for value in urllib.parse.parse_qs(query).get("filter", []):
            seed("scim_filter", value.encode())
        if "body" not in exchange:
            continue
        seed("scim_patch", json.dumps(exchange["body"]).encode())
        for operation in exchange["body"].get("Operations", []):
            if isinstance(operation.get("path"), str):
                seed("scim_filter", operation["path"].encode())

for folder in sorted(corpus.iterdir()):
    print(folder.name, sum(1 for _ in folder.iterdir()), file=sys.stderr)
