import Testing

@testable import Tracing

/// The headers of W3C Trace Context.
@Suite struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let span = "00f067aa0ba902b7"

  @Test func `A header is read, and written again as it was`() throws {
    let header = "00-\(Self.trace)-\(Self.span)-01"
    let context = try #require(TraceContext(traceparent: header, state: "a=1,b=2"))
    #expect(context.traceparent == header)
    #expect("\(context.traceID)" == Self.trace && "\(context.parent)" == Self.span && context.isSampled)
    #expect(context.headers.map(\.name) == ["traceparent", "tracestate"])
    #expect(TraceContext(line: context.line) == context)
    let bare = try #require(TraceContext(traceparent: header))
    #expect(bare.headers.map(\.name) == ["traceparent"] && TraceContext(line: bare.line) == bare)
  }

  @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)])
  func `Of the flags the lowest bit counts, and no other is passed on`(_ flags: String, _ isSampled: Bool) {
    let context = TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-\(flags)")
    #expect(context?.isSampled == isSampled)
    #expect(context?.traceparent.hasSuffix(isSampled ? "-01" : "-00") == true)
  }

  @Test(arguments: ["", "-", "-what the future will be like"])
  func `Of a later version the fields of version 00 are read`(_ rest: String) {
    let context = TraceContext(traceparent: "cc-\(Self.trace)-\(Self.span)-01\(rest)")
    #expect(context?.traceparent == "00-\(Self.trace)-\(Self.span)-01")
  }

  @Test(arguments: [
    "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-00",
    "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01",
    "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01", "00-\(trace)-\(span)-0X",
    "00_\(trace)_\(span)_01", "cc-\(trace)-\(span)-01.", "00-\(trace)-\(span)-01, 00-\(trace)-\(span)-01",
    "00-\(trace.dropLast())é-\(span)-01",
  ])
  func `A malformed header is no context`(_ header: String) { #expect(TraceContext(traceparent: header) == nil) }

  @Test(arguments: [
    ("a=1", "a=1"), (" a=1 ,\tb=2 ", "a=1,b=2"), ("a=1,,b=2", "a=1,b=2"), ("a=x y", "a=x y"), ("t-1@s=v", "t-1@s=v"),
    ("a=", "a="),
  ])
  func `A state is passed on`(_ header: String, _ text: String) { #expect(TraceState(header)?.text == text) }

  @Test(arguments: ["", ",", "a", "=1", "A=1", "a=1=2", "a=\u{7f}", "a=é", "-a=1", "a@b@c=1", "a b=1"])
  func `A malformed state is left out`(_ header: String) { #expect(TraceState(header) == nil) }

  @Test func `A state has 32 members at most`() {
    #expect(TraceState((1...32).map { "k\($0)=v" }.joined(separator: ",")) != nil)
    #expect(TraceState((1...33).map { "k\($0)=v" }.joined(separator: ",")) == nil)
  }

  @Test func `Of a state that is too long large members go first, then those at its end`() throws {
    let large = "large=" + String(repeating: "x", count: 200)
    let small = (1...10).map { "k\($0)=" + String(repeating: "y", count: 30) }
    let kept = try #require(TraceState(([large] + small + [large]).joined(separator: ",")))
    #expect(kept.text == small.joined(separator: ","))
    let many = (1...20).map { "k\($0)=" + String(repeating: "y", count: 60) }
    let cut = try #require(TraceState(many.joined(separator: ",")))
    #expect(cut.text.utf8.count <= 512 && cut.text.hasPrefix(many[0]) && !cut.text.contains("k9="))
  }
}
