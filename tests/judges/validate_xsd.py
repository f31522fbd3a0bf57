"""Validates every response that labs recorded (`--record DIR`, `TIELINE_LAB_ANSWERS`) against Microsoft's schema.

A lab writes `NNNNNNNN-Operation.response[-N].xml`, or one file of all answers that are alike. The body's element is validated against messages.xsd, the
header's against types.xsd. SOAP faults have no schema of their own; their shape is checked by hand.
"""

import argparse
import collections
import json
import pathlib
import sys

from lxml import etree

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas" / "ews"


def problems(schema, path):
    try:
        root = etree.parse(str(path), etree.XMLParser(resolve_entities=False)).getroot()
    except etree.XMLSyntaxError as error:
        return [f"not well-formed: {error}"]
    if root.tag != SOAP + "Envelope":
        return [f"root is {root.tag}"]
    found = []
    for part in root:
        for element in part:
            if element.tag == SOAP + "Fault":
                if [child.tag for child in element][:2] != ["faultcode", "faultstring"]:
                    found.append("a fault begins with faultcode and faultstring")
            elif not schema.validate(element):
                errors = [e for e in schema.error_log if not (failed(element) and "Missing child element" in e.message)]
                found.extend(f"{element.tag.split('}')[1]}: line {e.line}: {e.message}" for e in errors)
    body = root.find(SOAP + "Body")
    if body is None or len(body) != 1:
        found.append("the body does not hold exactly one element")
    return found


def failed(element):
    """Whether the answer as a whole is an error: then it brings nothing, even where the schema demands a payload."""
    return element.get("ResponseClass") == "Error"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", help="the lab's ready file, which names the recordings")
    parser.add_argument("--recordings", help="the directory itself")
    arguments = parser.parse_args()
    recordings = arguments.recordings
    if not recordings:
        with open(arguments.ready_file, encoding="utf-8") as file:
            recordings = json.load(file)["recordings"]
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "messages.xsd")))
    counts = collections.Counter()
    failed = 0
    for path in sorted(pathlib.Path(recordings).glob("*.response*.xml")):
        counts[path.name.split("-", 1)[1].split(".")[0]] += 1
        found = problems(schema, path)
        if found:
            failed += 1
            print(f"failed {path.name}")
            for problem in found[:5]:
                print(f"     {problem[:400]}")
    for operation, count in sorted(counts.items()):
        print(f"ok {operation}: {count} responses")
    passed = sum(counts.values()) - failed
    print(f"validate-xsd: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
