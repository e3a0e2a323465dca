import ExactJSON
import Glibc
import ModelServer
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// A collector of spans for a stack.
struct Collector: Sendable {
  /// A span that has arrived.
  struct Span: Sendable {
    let service: String
    let json: JSONObject

    var name: String { json["name"]?.stringValue ?? "" }
    var id: String { json["spanId"]?.stringValue ?? "" }
    var parent: String? { json["parentSpanId"]?.stringValue }
    var trace: String { json["traceId"]?.stringValue ?? "" }

    /// The value of an attribute, without its type.
    func attribute(_ name: String) -> JSONValue? {
      let all = json["attributes"]?.arrayValue?.compactMap(\.objectValue) ?? []
      return all.first { $0["key"]?.stringValue == name }?["value"]?.objectValue?.members.first?.value
    }
  }

  let server: ModelServer

  init() throws {
    server = try ModelServer()
    server.behaviour = .status(200, headers: [("Content-Type", "application/json")], body: "{}")
  }

  /// What a stack needs to send its spans here.
  var settings: [String: String] { ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(server.port)"] }

  /// All spans so far.
  var spans: [Span] {
    server.calls.flatMap { call -> [Span] in
      let resources = call.body?.objectValue?["resourceSpans"]?.arrayValue?.compactMap(\.objectValue) ?? []
      return resources.flatMap { resource -> [Span] in
        let attributes = resource["resource"]?.objectValue?["attributes"]?.arrayValue ?? []
        let service = attributes.first?.objectValue?["value"]?.objectValue?["stringValue"]?.stringValue ?? ""
        let scopes = resource["scopeSpans"]?.arrayValue?.compactMap(\.objectValue) ?? []
        let spans = scopes.flatMap { $0["spans"]?.arrayValue ?? [] }
        return spans.compactMap(\.objectValue).map { Span(service: service, json: $0) }
      }
    }
  }

  /// Waits until spans of these names have arrived.
  func wait(for names: [String]) async throws -> [Span] {
    try await SystemHarness.wait("the spans \(names)") {
      let found = spans
      return names.allSatisfy { name in found.contains { $0.name == name } } ? found : nil
    }
  }

  /// What OTLP's own messages say of all bodies: a line for each span; nil without the tools.
  func verdicts() async throws -> [String]? {
    guard let tools = getenv("SCHEMA_TOOLS") else { return nil }
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Schema/spans.py")
    let bodies = server.calls.map { String(decoding: $0.raw, as: UTF8.self) }.joined(separator: "\n")
    let result = try await Subprocess.run(
      .path(FilePath("\(String(cString: tools))/bin/python")), arguments: [script.string],
      input: .string(bodies), output: .string(limit: 1 << 24), error: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else { throw StackFailure(result.standardError) }
    return result.standardOutput.split(separator: "\n").map(String.init)
  }
}
