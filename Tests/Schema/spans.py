"""Checks bodies of spans, a line each on standard input, by the messages of OTLP; prints a line for each span.

OTLP's JSON is that of protobuf, but for ids, which are hexadecimal digits, and enumerations, which are numbers.
"""

import base64
import json
import re
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}


def checked(value):
    """A value with ids as protobuf has them."""
    if isinstance(value, list):
        return [checked(element) for element in value]
    if not isinstance(value, dict):
        return value
    for name, length in IDS.items():
        if name in value and not re.fullmatch(f"[0-9a-f]{{{length}}}", value[name]):
            sys.exit(f"{name}: {value[name]}")
    for name in ("kind", "code"):
        if name in value and not isinstance(value[name], int):
            sys.exit(f"{name}: {value[name]}")
    return {name: base64.b64encode(bytes.fromhex(member)).decode() if name in IDS else checked(member)
            for name, member in value.items()}


for line in sys.stdin:
    request = json_format.Parse(json.dumps(checked(json.loads(line))), ExportTraceServiceRequest())
    for resource in request.resource_spans:
        service = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert span.start_time_unix_nano <= span.end_time_unix_nano
                print(service, span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex() or "-")
