"""Judges bodies by a JSON Schema: verdicts.py < LINES

The first line is the schema, each other line a body. For each body it prints what two validators say, as `true false`:
jsonschema, whose regular expressions are Python's, and jsonschema-rs, whose are ECMA-262's as the standard asks.
"""

import json
import sys

import jsonschema
import jsonschema_rs


def main():
    schema = json.loads(sys.stdin.readline())
    jsonschema.Draft202012Validator.check_schema(schema)
    validators = [jsonschema.Draft202012Validator(schema), jsonschema_rs.Draft202012Validator(schema)]
    for line in sys.stdin:
        body = json.loads(line)
        print(*(json.dumps(validator.is_valid(body)) for validator in validators))


main()
