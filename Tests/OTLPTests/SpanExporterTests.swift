import Curl
import ExactJSON
import Logging
import ModelServer
import Synchronization
import Testing
import Tracing

@testable import OTLP

/// The exporter against a collector on a real socket.
@Suite struct SpanExporterTests {
  private struct Lines: LogHandler {
    let taken: LineList
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }
    func log(event: LogEvent) { taken.add("\(event.message)") }
  }

  private final class LineList: Sendable {
    private let taken = Mutex<[String]>([])
    var lines: [String] { taken.withLock { $0 } }
    func add(_ line: String) { taken.withLock { $0.append(line) } }
  }

  private let server: ModelServer
  private let lines = LineList()
  private let exporter: SpanExporter

  init() throws {
    let server = try ModelServer()
    server.behaviour = .status(200, headers: [("Content-Type", "application/json")], body: "{}")
    self.server = server
    try HTTPClient.loadLibrary()
    let lines = lines
    exporter = SpanExporter(
      OTLPEndpoint(
        url: "http://127.0.0.1:\(server.port)/v1/traces", headers: [("Authorization", "Bearer x")],
        timeout: .seconds(60)),
      resource: [("service.name", .text("wf-worker"))], version: "1.2", client: HTTPClient(),
      logger: Logger(label: "test") { _ in Lines(taken: lines) })
  }

  private func record(_ count: Int, text: String = "") throws {
    let id = try #require(TraceID(hex: "4bf92f3577b34da6a3ce929d0e0e4736"))
    let trace = ActiveTrace(beginning: id, "run", recorder: exporter)
    for _ in 0..<count { trace.record("run", .internal, from: Span.now, [("text", .text(text))]) }
  }

  private func spans(_ call: ModelServer.Call) -> [JSONValue] {
    let resource = call.body?.objectValue?["resourceSpans"]?.arrayValue?.first?.objectValue
    return resource?["scopeSpans"]?.arrayValue?.first?.objectValue?["spans"]?.arrayValue ?? []
  }

  @Test func `Spans are posted with the headers and the resource, in batches of a bounded number`() async throws {
    exporter.start()
    try record(SpanExporter.mostInBatch + 1)
    try await server.waitForCalls(2)
    await exporter.close(within: .seconds(60))
    let call = try #require(server.calls.first)
    #expect(call.method == "POST" && call.path == "/v1/traces")
    #expect(call.headers["content-type"] == "application/json" && call.headers["authorization"] == "Bearer x")
    let resource = call.body?.objectValue?["resourceSpans"]?.arrayValue?.first?.objectValue?["resource"]
    #expect(resource == ["attributes": [["key": "service.name", "value": ["stringValue": "wf-worker"]]]])
    #expect(server.calls.map { spans($0).count } == [SpanExporter.mostInBatch, 1])
    #expect(lines.lines == [])
  }

  @Test func `A batch has bounded bytes`() async throws {
    exporter.start()
    try record(400, text: String(repeating: "漢", count: 5_000))
    try await server.waitForCalls(2)
    await exporter.close(within: .seconds(60))
    #expect(server.calls.allSatisfy { $0.raw.count <= SpanExporter.mostBatchBytes })
    #expect(server.calls.reduce(0) { $0 + spans($1).count } == 400)
  }

  @Test func `A request that a collector puts off is sent again, and one that it refuses is not`() async throws {
    server.script([.status(503, headers: [("Retry-After", "0")]), .status(429, headers: [("Retry-After", "0")])])
    exporter.start()
    try record(1)
    try await server.waitForCalls(3)
    #expect(Set(server.calls.map(\.raw)).count == 1)
    server.script([.status(400)])
    try record(1)
    try await server.waitForCalls(4)
    await exporter.close(within: .seconds(60))
    #expect(server.calls.count == 4)
    #expect(lines.lines == ["1 span was dropped: the collector answered 400"])
  }

  @Test func `What a collector rejects of a request is counted`() async throws {
    server.behaviour = .status(
      200, headers: [("Content-Type", "application/json")],
      body: #"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#)
    exporter.start()
    try record(3)
    try await server.waitForCalls(1)
    await exporter.close(within: .seconds(60))
    #expect(lines.lines == ["2 spans were dropped: the collector rejected some: too old"])
  }

  @Test func `Where too many wait, the newest are dropped, and the log says how many`() async throws {
    try record(SpanExporter.mostWaiting + 5)
    exporter.start()
    await exporter.close(within: .seconds(60))
    #expect(server.calls.reduce(0) { $0 + spans($1).count } == SpanExporter.mostWaiting)
    #expect(lines.lines == ["5 spans were dropped: too many wait for the collector"])
  }

  @Test func `What waits is sent at the end, and a collector that is away holds it up no longer than it may`()
    async throws
  {
    try record(1)
    exporter.start()
    await exporter.close(within: .seconds(60))
    #expect(server.calls.count == 1)
    try record(1)
    await exporter.close(within: .seconds(60))
    #expect(server.calls.count == 1)
  }

  @Test func `A collector that is silent does not hold up the end`() async throws {
    server.behaviour = .hold
    exporter.start()
    try record(1)
    try await server.waitForCalls(1)
    await exporter.close(within: .milliseconds(300))
    #expect(lines.lines.count == 1 && lines.lines[0].hasPrefix("1 span was dropped: "))
  }
}
