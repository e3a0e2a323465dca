import ExactJSON
import Glibc
import Testing
import Workflow

/// What one body may cost, whatever its texts: bodies of 1 MiB at every place where a text, a list or a number may
/// stand.
@Suite(.serialized) struct HostileBodyTests {
  /// Seconds of CPU that reading a body may take. Without optimization, on a busy machine, the same code takes over ten
  /// times as long; a cost that grows with the square of the length takes minutes.
  private static var allowed: Double {
    #if DEBUG
      5
    #else
      0.1
    #endif
  }

  private static let size = 1 << 20

  /// Combining marks whose classes alternate, so that canonical order needs them sorted.
  private static let marks = String(repeating: "a" + String(repeating: "\u{301}\u{316}", count: 64), count: size / 257)
  private static let run = String(repeating: "\u{301}\u{316}", count: size / 4)

  private static func step(_ members: String) -> String { "{\"run_name\":\"r\",\"steps\":[{\(members)}]}" }

  /// `{"run_name":…}` with a text at one place.
  private static func places(_ text: String) -> [(name: String, body: String)] {
    [
      ("key of the body", "{\"\(text)\":1,\"run_name\":\"r\",\"steps\":[]}"),
      ("run_name", "{\"run_name\":\"\(text)\",\"steps\":[{\"id\":\"a\",\"op\":\"wait\"}]}"),
      ("key of a step", step(#""id":"a","op":"wait","\#(text)":1"#)),
      ("id", step(#""id":"\#(text)","op":"wait""#)),
      ("op", step(#""id":"a","op":"\#(text)""#)),
      ("need", step(#""id":"a","op":"wait","needs":["\#(text)"]"#)),
      ("key of the params", step(#""id":"a","op":"wait","params":{"\#(text)":1}"#)),
      ("param", step(#""id":"a","op":"llm_summarize","params":{"model":"\#(text)"}"#)),
      ("param of numbers", step(#""id":"a","op":"llm_summarize","params":{"max_tokens":"\#(text)"}"#)),
      ("root of a reference", step(#""id":"a","op":"note","params":{"value":"@\#(text)"}"#)),
      ("key of a reference", step(#""id":"a","op":"note","params":{"value":"@b.\#(text)"}"#)),
      ("index of a reference", step(#""id":"a","op":"note","params":{"value":"@b[\#(text)]"}"#)),
      ("root in braces", step(#""id":"a","op":"note","params":{"value":"{{\#(text)}}"}"#)),
      ("key in braces", step(#""id":"a","op":"note","params":{"value":"{{b[\"\#(text)\"].\#(text)}}"}"#)),
      ("text around braces", step(#""id":"a","op":"note","params":{"value":"\#(text){{b.x}}\#(text)"}"#)),
      ("key within a param", step(#""id":"a","op":"note","params":{"value":{"\#(text)":"@"}}"#)),
      ("inputs", "{\"run_name\":\"r\",\"inputs\":{\"\(text)\":\"x\"},\"steps\":[]}"),
    ]
  }

  /// As many elements as fit 1 MiB.
  private static func list(_ element: (Int) -> String) -> String {
    var text = element(0)
    var number = 1
    while text.utf8.count < size - 200 {
      text += "," + element(number)
      number += 1
    }
    return text
  }

  /// Bodies of 1 MiB with many braces.
  private static func braces() -> [(name: String, body: String)] {
    func note(_ text: String) -> String { step(#""id":"a","op":"note","params":{"value":[\#(text)]}"#) }
    return [
      ("braces of unknown steps", note("\"\(list { "{{u\($0)}}" })\"")),
      ("braces of inputs", note("\"\(list { _ in "{{inputs.u}}" })\"")),
      ("braces that are opened", note("\"\(list { _ in "{{" })\"")),
      ("braces that are opened on end", note("\"\(String(repeating: "{", count: size - 200))\"")),
      ("strings that are opened in braces", note("\"\(list { _ in #"{{a[\"]["# })\"")),
      ("strings with braces in braces", note(#""{{a\#(String(repeating: #"[\"{{a[\"]"#, count: size / 12 - 20))""#)),
      ("escaped quotes in braces", note(#""{{a[\"\#(String(repeating: #"\\\"{{a["#, count: size / 10 - 20))""#)),
      ("backslashes", note("\"\(String(repeating: #"\\\\{{"#, count: size / 6 - 40))\"")),
    ]
  }

  /// Bodies of 1 MiB, by what there are many of.
  private static func crowds() -> [(name: String, body: String)] {
    let steps = (0..<1_000).map { "s\($0)" }
    let needs = steps.prefix(180).map { "\"\($0)\"" }.joined(separator: ",")
    let dense = steps.enumerated().map { index, id in
      #"{"id":"\#(id)","op":"wait","needs":[\#(index < 180 ? "" : needs)]}"#
    }
    let deep = (0..<100).map { "\"k\($0)\":{" }.joined() + "\"l\":["
    let end = "]" + String(repeating: "}", count: 101)
    func note(_ elements: String) -> String { step(#""id":"a","op":"note","params":{"value":[\#(elements)]}"#) }
    func summary(_ param: String) -> String { step(#""id":"a","op":"llm_summarize","params":{\#(param)}"#) }
    return [
      ("keys of the body", "{" + list { "\"k\($0)\":0" } + "}"),
      ("needs that are unknown", step(#""id":"a","op":"wait","needs":[\#(list { "\"u\($0)\"" })]"#)),
      ("needs that are no ids", step(#""id":"a","op":"wait","needs":[\#(list { _ in "\"é\"" })]"#)),
      ("needs that are no texts", step(#""id":"a","op":"wait","needs":[\#(list { _ in "0" })]"#)),
      ("references to a step", note(list { _ in "\"@a\"" })),
      ("references to unknown steps", note(list { "\"@u\($0)\"" })),
      ("references to inputs", note(list { "\"@inputs.u\($0)\"" })),
      ("malformed references", note(list { _ in "\"@\"" })),
      (
        "faults far below",
        step(#""id":"a","op":"note","params":{"value":{"# + deep + list { _ in "\"@\"" } + end + "}")
      ),
      ("steps that need many", "{\"run_name\":\"r\",\"steps\":[\(dense.joined(separator: ","))]}"),
      ("values", note(list { _ in "[]" })),
      ("digits", summary("\"temperature\":1" + String(repeating: "0", count: size))),
      ("fraction", summary("\"temperature\":1." + String(repeating: "7", count: size))),
      ("whole number", summary("\"max_tokens\":" + String(repeating: "9", count: size))),
    ]
  }

  /// Reads a body; how many seconds of this thread's CPU that took, and how large the answer is.
  private func read(_ body: String) throws(JSONError) -> (seconds: Double, answer: Int) {
    let bytes = Array(body.utf8)
    let start = HostileBodyTests.now
    var answer = 0
    let document = try DefinitionReader.sample.parse(bytes)
    do {
      _ = try DefinitionReader.sample.read(document)
    } catch {
      answer = JSONValue.object(["detail": .array(error.faults.map(\.json))]).bytes.count
    }
    return (HostileBodyTests.now - start, answer)
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func check(_ name: String, _ body: String) async throws {
    // Other tests wait for this thread.
    await Task.yield()
    let (seconds, answer) = try read(body)
    #expect(seconds < HostileBodyTests.allowed, "\(name)")
    #expect(answer <= 64 << 10, "\(name)")
  }

  @Test func `combining marks cost no more than other texts, wherever they stand`() async throws {
    for text in [HostileBodyTests.run, HostileBodyTests.marks] {
      for (name, body) in HostileBodyTests.places(text) { try await check("marks as \(name)", body) }
    }
  }

  @Test func `a crowd of anything costs time in proportion to its length`() async throws {
    for (name, body) in HostileBodyTests.crowds() + HostileBodyTests.braces() { try await check("many \(name)", body) }
  }

  @Test func `control characters, which JSON escapes, make no answer longer than 64 KiB`() async throws {
    let escapes = String(repeating: #"\u0001"#, count: 1 << 16)
    for (name, body) in HostileBodyTests.places(escapes) { try await check("escapes as \(name)", body) }
  }

  @Test func `A fault's place, sentence and input are each cut`() throws {
    let key = String(repeating: "k", count: 300)
    let way = (0..<60).map { "\"\(key)\($0)\":{" }.joined()
    let text = "@" + String(repeating: "é", count: 9_000)
    let end = String(repeating: "}", count: 62)
    let body = HostileBodyTests.step(#""id":"a","op":"note","params":{"value":{\#(way)"l":"\#(text)"\#(end)"#)
    let faults = try DefinitionReader.sample.faults(in: body)
    let fault = try #require(faults.first)
    #expect(fault.location.count == 33 && fault.location[16] == .key("…"))
    #expect(fault.location[15] == .key(key.prefix(128) + "…"))
    #expect(fault.location.last == .key("l"))
    #expect(fault.input == .string("@" + String(repeating: "é", count: 99) + "…"))
    let long = ValidationFault("x", [], String(repeating: "é", count: 5_000), input: nil)
    #expect(long.message == String(repeating: "é", count: 1_000) + "…")
  }
}
