import ExactJSON

/// Spans as OTLP/HTTP's JSON: protobuf's JSON mapping, but ids as lowercase hexadecimal digits and enumerations as
/// numbers (OpenTelemetry Protocol 1, section "JSON Protobuf Encoding").
public enum SpanEncoding {
  /// The body of a request to `/v1/traces`.
  /// - Parameter resource: what the service says of itself.
  public static func body(_ spans: [Span], resource: [Span.Attribute], version: String) -> [UInt8] {
    JSONValue.object([
      "resourceSpans": [
        [
          "resource": ["attributes": attributes(resource)],
          "scopeSpans": [
            ["scope": ["name": "wf", "version": .string(version)], "spans": .array(spans.map { .object(json($0)) })]
          ],
        ]
      ]
    ]).bytes
  }

  static func json(_ span: Span) -> JSONObject {
    var json: JSONObject = [
      "traceId": .string("\(span.context.traceID)"), "spanId": .string("\(span.context.parent)"),
    ]
    if let state = span.context.state { json["traceState"] = .string(state) }
    if let parent = span.parent { json["parentSpanId"] = .string("\(parent)") }
    // Bits 0 to 7 are the flags of W3C's.
    json["flags"] = 1
    json["name"] = .string(span.name.cut(toScalars: Span.longestText))
    json["kind"] = .number(JSONNumber(span.kind.rawValue))
    // 64 bits do not fit into a number of JSON.
    json["startTimeUnixNano"] = .string("\(span.start)")
    json["endTimeUnixNano"] = .string("\(span.end)")
    json["attributes"] = attributes(span.attributes)
    if let failure = span.failure {
      json["status"] = ["code": 2, "message": .string(failure.cut(toScalars: Span.longestText))]
    }
    return json
  }

  private static func attributes(_ attributes: [Span.Attribute]) -> JSONValue {
    .array(attributes.map { ["key": .string($0.name), "value": .object(json($0.value))] })
  }

  private static func json(_ value: Span.Value) -> JSONObject {
    switch value {
    case .text(let text): ["stringValue": .string(text.cut(toScalars: Span.longestText))]
    case .number(let number): ["intValue": .string("\(number)")]
    case .truth(let truth): ["boolValue": .bool(truth)]
    case .texts(let texts): ["arrayValue": ["values": .array(texts.map { .object(json(.text($0))) })]]
    case .fraction(let number):
      JSONNumber(text: "\(number)").map { ["doubleValue": .number($0)] } ?? ["stringValue": .string("\(number)")]
    }
  }
}

extension String {
  /// The first scalars of it.
  fileprivate func cut(toScalars count: Int) -> String {
    utf8.count <= count ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
  }
}
