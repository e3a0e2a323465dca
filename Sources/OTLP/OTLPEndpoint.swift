public import Curl
import LinuxSupport
public import Tracing

/// Where spans go, and as what, by the variables that OpenTelemetry specifies for exporters.
public struct OTLPEndpoint: Sendable {
  /// The URL that spans are posted to.
  public let url: String
  /// Headers of each request, such as a key of the collector's.
  public let headers: [HTTPHeader]
  /// What a request may take.
  public let timeout: Duration

  /// The URL without its query.
  public var shown: String { String(url.prefix { $0 != "?" }) }

  /// What the variables say.
  public struct Reading: Sendable {
    /// Where spans go; nil for nowhere.
    public var endpoint: OTLPEndpoint?
    /// What the service says of itself.
    public var resource: [Span.Attribute] = []
    /// What is wrong with the variables; such a variable is ignored.
    public var warnings: [String] = []
  }

  /// The variables that are read.
  public static let variables = [
    "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
  ]

  /// Reads the variables. Without an endpoint no span is written.
  /// - Parameters:
  ///   - service: the name of the service, unless a variable says another.
  ///   - variable: the value of a variable; nil where it is not set, or empty.
  public static func read(service: String, version: String, _ variable: (String) -> String?) -> Reading {
    var reading = Reading()
    if variable("OTEL_SDK_DISABLED")?.lowercased() == "true" || variable("OTEL_TRACES_EXPORTER") == "none" {
      return reading
    }
    guard let url = url(variable, &reading.warnings) else { return reading }
    let own = "OTEL_EXPORTER_OTLP_TRACES_"
    let protocolName = variable(own + "PROTOCOL") ?? variable("OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/json"
    if protocolName != "http/json" {
      reading.warnings.append(
        "OTEL_EXPORTER_OTLP_PROTOCOL=\(protocolName): wf sends http/json, which collectors take on the same port as http/protobuf, usually 4318"
      )
    }
    var headers: [HTTPHeader] = []
    for name in [own + "HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"] {
      guard let text = variable(name) else { continue }
      headers = pairs(text, of: name, &reading.warnings).filter { HTTPToken.isValid($0.name) }
      break
    }
    let time = variable(own + "TIMEOUT") ?? variable("OTEL_EXPORTER_OTLP_TIMEOUT")
    let milliseconds = time.flatMap { UInt32($0) }.flatMap { $0 > 0 ? Int($0) : nil }
    if let time, milliseconds == nil {
      reading.warnings.append("OTEL_EXPORTER_OTLP_TIMEOUT=\(time): milliseconds are expected, such as 10000")
    }
    reading.endpoint = OTLPEndpoint(url: url, headers: headers, timeout: .milliseconds(milliseconds ?? 10_000))
    reading.resource = resource(service, version, variable, &reading.warnings)
    return reading
  }

  /// The endpoint for spans as it is, or `/v1/traces` behind that for all signals (OpenTelemetry Protocol Exporter,
  /// "Endpoint URLs for OTLP/HTTP").
  private static func url(_ variable: (String) -> String?, _ warnings: inout [String]) -> String? {
    let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    let name = variable(own) != nil ? own : "OTEL_EXPORTER_OTLP_ENDPOINT"
    guard let given = variable(name) else { return nil }
    let url = name == own ? given : (given.hasSuffix("/") ? given : given + "/") + "v1/traces"
    let isHTTP = ["http://", "https://"].contains { url.lowercased().hasPrefix($0) }
    if isHTTP, url.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) { return url }
    warnings.append("\(name): an http or https URL is expected, such as http://127.0.0.1:4318; no span is written")
    return nil
  }

  private static func resource(
    _ service: String, _ version: String, _ variable: (String) -> String?, _ warnings: inout [String]
  ) -> [Span.Attribute] {
    let name = "OTEL_RESOURCE_ATTRIBUTES"
    var attributes = variable(name).map { pairs($0, of: name, &warnings) } ?? []
    let given = variable("OTEL_SERVICE_NAME") ?? attributes.first { $0.name == "service.name" }?.value
    attributes.removeAll { $0.name == "service.name" }
    let rest = attributes.map { Span.Attribute($0.name, .text($0.value)) }
    return [("service.name", .text(given ?? service)), ("service.version", .text(version))] + rest
  }

  /// Reads `key=value,key=value`, whose values are percent-encoded (W3C Baggage). Where it is malformed all of it is
  /// ignored.
  private static func pairs(
    _ text: String, of name: String, _ warnings: inout [String]
  ) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    for part in text.split(separator: ",") {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
      guard words.count == 2, !words[0].isEmpty, let value = String(percentDecoding: words[1]),
        value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
      else {
        warnings.append("\(name): key=value pairs separated by commas are expected; it is ignored")
        return []
      }
      pairs.append((words[0], value))
    }
    return pairs
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text.drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
