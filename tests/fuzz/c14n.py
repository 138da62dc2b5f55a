#!/usr/bin/env python3
"""Random documents and what libxml2 makes of them by exclusive canonicalization, as JSON, for saml::tests::c14n to compare.

    c14n.py [SEED [COUNT]] > cases.json && DOORWARD_C14N=$PWD/cases.json cargo test --lib saml::tests::c14n

Needs PyPI's lxml. Left out because libxml2 itself is wrong there: `&` in namespace URIs, and `#default` in the PrefixList.
"""

import json
import random
import sys

from lxml import etree

PREFIXES = ["", "a", "b", "c", "xs", "saml"]
URIS = ["urn:1", "urn:2", "http://x/y"]
VALUES = ["", "x", "a b", " t&#9;u ", "&#10;n", "&#13;c", "&lt;&amp;&gt;&quot;", "'q'", "é€😀", "line1\nline2\ttab", "&#x20;z"]
TEXTS = ["", "t", "&lt;", "&gt; &amp; &#13; x", " \r\n ", "<![CDATA[<x>&]]>", "é😀", "<!-- c -->", "<?pi d?>", "<?pi?>",
         "a<!-- x -->b", "]]&gt;", "<![CDATA[]]>", "&#x1F600;"]


def element(rand, scope, depth=0):
    scope, declared, attributes, seen = dict(scope), {}, {}, set()
    for prefix in PREFIXES:
        if rand.random() < 0.25:
            declared[prefix] = scope[prefix] = rand.choice(URIS + [""] if prefix == "" else URIS)
    bound = [prefix for prefix in scope if scope[prefix] or prefix == ""]
    name = qualified(rand.choice(bound + [""]), rand.choice("efg"))
    for _ in range(rand.randint(0, 4)):
        prefix, local = rand.choice(bound + ["", "", "xml"]), rand.choice(["k", "l", "m", "lang", "space", "id"])
        if prefix == "xml" and local not in ("lang", "space"):
            continue
        key = (scope.get(prefix, "") if prefix not in ("", "xml") else prefix, local)
        if key in seen:
            continue
        seen.add(key)
        is_space = prefix == "xml" and local == "space"
        attributes[qualified(prefix, local)] = rand.choice(["default", "preserve"] if is_space else VALUES)
    parts = [f'xmlns{":" + prefix if prefix else ""}="{uri}"' for prefix, uri in declared.items()]
    parts += [f'{key}="{value}"' for key, value in attributes.items()]
    rand.shuffle(parts)
    tag = name + "".join(rand.choice([" ", "  ", "\n"]) + part for part in parts)
    inside = ""
    for _ in range(rand.randint(0, 5)):
        inside += rand.choice(TEXTS) if rand.random() < 0.5 or depth > 5 else element(rand, scope, depth + 1)
    if not inside and rand.random() < 0.5:
        return f"<{tag}" + rand.choice(["/>", " />"])
    return f"<{tag}{rand.choice(['', ' ', chr(10)])}>{inside}</{name}{rand.choice(['', ' '])}>"


def qualified(prefix, local):
    return f"{prefix}:{local}" if prefix else local


def cases(seed, count):
    rand = random.Random(seed)
    while count:
        document = rand.choice(["", '<?xml version="1.0"?>\n']) + element(rand, {"": ""})
        prefixes = rand.sample(["a", "b", "xs", "saml", "c", "zz"], rand.randint(0, 3))
        try:
            parsed = etree.fromstring(document.encode())
        except etree.XMLSyntaxError:
            continue
        canonical = etree.tostring(parsed, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)
        yield {"document": document, "prefixes": prefixes, "canonical": canonical.decode()}
        count -= 1


def main():
    seed, count = (int(value) for value in (sys.argv[1:3] + ["1", "6000"][len(sys.argv) - 1:]))
    print("[" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases(seed, count)) + "]")


if __name__ == "__main__":
    main()
