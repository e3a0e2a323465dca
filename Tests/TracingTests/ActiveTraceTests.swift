import ExactJSON
import Synchronization
import Testing

@testable import Tracing

/// Spans, their ids, and their form in OTLP.
@Suite struct ActiveTraceTests {
  private final class Recorder: SpanRecorder {
    private let taken = Mutex<[Span]>([])
    var spans: [Span] { taken.withLock { $0 } }
    func record(_ span: Span) { taken.withLock { $0.append(span) } }
  }

  private static let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  private func context(_ header: String = header, state: String? = nil) throws -> TraceContext {
    try #require(TraceContext(traceparent: header, state: state))
  }

  @Test func `The id of a span is the same whenever it is derived, and another one for other words`() throws {
    let recorder = Recorder()
    let trace = ActiveTrace(try context(), recorder: recorder)
    #expect(trace.child("step", "a", "1") == trace.child("step", "a", "1"))
    let others = [
      trace.child("step", "a", "2"), trace.child("step", "a1", ""), trace.child("step", "", "a1"), trace.child("step"),
      trace.child("step", "a", "1").child("step", "a", "1"),
    ]
    let ids = Set(others.map(\.context.parent)).union([trace.child("step", "a", "1").context.parent])
    #expect(ids.count == 6 && !ids.contains(trace.context.parent))
    #expect(Set(others.map(\.context.traceID)).count == 1)
  }

  @Test func `A span names the one that has caused it, and the first of a trace none`() throws {
    let recorder = Recorder()
    let outer = ActiveTrace(try context(), recorder: recorder).child("run")
    outer.child("step").record("step", .internal, from: Span.now)
    outer.record("run", .internal, from: Span.now)
    let id = try #require(TraceID(hex: "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"))
    ActiveTrace(beginning: id, "run", recorder: recorder).record("run", .internal, from: Span.now)
    let spans = recorder.spans
    #expect(spans[0].parent == spans[1].context.parent)
    #expect(spans[1].parent.map { "\($0)" } == "00f067aa0ba902b7")
    #expect(spans[2].parent == nil && "\(spans[2].context.traceID)" == "b7f935c26f954a8e9c1a3c9c7a21e5a2")
  }

  @Test func `Without a recorder the context is passed on as it came`() throws {
    let trace = ActiveTrace(try context(), recorder: nil)
    #expect(trace.child("run").child("step").context.traceparent == Self.header)
    #expect(!trace.isRecorded)
  }

  @Test func `A trace that is not sampled has no spans, and says so to others`() throws {
    let recorder = Recorder()
    let trace = ActiveTrace(try context(Self.header.dropLast(2) + "00"), recorder: recorder).child("run")
    trace.record("run", .internal, from: Span.now)
    #expect(recorder.spans.isEmpty && !trace.isRecorded)
    #expect(trace.context.traceparent.hasSuffix("-00"))
  }

  @Test func `A span is written as OTLP has it in JSON`() throws {
    let recorder = Recorder()
    let trace = ActiveTrace(try context(state: "a=1"), recorder: recorder).child("call")
    trace.record(
      "chat m", .client, from: 1_795_460_055_171_802_001,
      [
        ("text", .text("a")), ("number", .number(.max)), ("fraction", .fraction(0.5)), ("truth", .truth(true)),
        ("texts", .texts(["stop"])),
      ], failure: "no answer")
    let json = SpanEncoding.json(try #require(recorder.spans.first))
    #expect(json["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(json["spanId"]?.stringValue?.utf8.count == 16 && json["parentSpanId"] == "00f067aa0ba902b7")
    #expect(json["traceState"] == "a=1" && json["kind"] == 3 && json["name"] == "chat m")
    #expect(json["startTimeUnixNano"] == "1795460055171802001")
    #expect(json["status"] == ["code": 2, "message": "no answer"])
    let half = try #require(JSONNumber(text: "0.5"))
    #expect(
      json["attributes"] == [
        ["key": "text", "value": ["stringValue": "a"]],
        ["key": "number", "value": ["intValue": "9223372036854775807"]],
        ["key": "fraction", "value": ["doubleValue": .number(half)]], ["key": "truth", "value": ["boolValue": true]],
        ["key": "texts", "value": ["arrayValue": ["values": [["stringValue": "stop"]]]]],
      ])
  }

  @Test func `A long text is cut, and the size of a span is near that of its JSON`() throws {
    let recorder = Recorder()
    let trace = ActiveTrace(try context(), recorder: recorder).child("call")
    trace.record("s", .client, from: 1, [("text", .text(String(repeating: "é", count: 100_000)))])
    let span = try #require(recorder.spans.first)
    let bytes = JSONValue.object(SpanEncoding.json(span)).bytes.count
    #expect(bytes < 3_000 && span.size >= bytes && span.size < 10_000)
  }
}
