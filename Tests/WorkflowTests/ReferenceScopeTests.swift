import ExactJSON
import Testing
import Workflow

struct ReferenceScopeTests {
  private let scope: ReferenceScope

  init() throws {
    let inputs = try JSONValue(parsing: #"{"text":"@pre.clean_text","n":1e400,"list":[[1.0,"@@x"]],"none":null}"#)
    var scope = ReferenceScope(inputs: try #require(inputs.objectValue), outputs: ["pre": ["clean_text": "clean"]])
    let items: JSONValue = [["text": "first"], ["text": "second"]]
    scope.add(["items": items, "é": "composed", "e\u{301}": "decomposed"], of: "chunks")
    self.scope = scope
  }

  private func resolve(_ value: JSONValue) throws(StepFailure) -> JSONValue? {
    try scope.resolve(["v": value], within: ReferenceScopeTests.wide).params["v"]
  }

  private static let wide = ByteLimit(1 << 20, setting: "WF_TEST")

  private func sentence(_ reference: String) -> String? {
    do {
      _ = try resolve(.string(reference))
      return nil
    } catch {
      return error.code == .referenceMissing ? error.message : "\(error)"
    }
  }

  @Test func `A reference brings the value that it names, as it is`() throws {
    #expect(try resolve("@pre") == ["clean_text": "clean"])
    #expect(try resolve("@pre.clean_text") == "clean")
    #expect(try resolve("@chunks.items[1].text") == "second")
    #expect(try resolve("@inputs.n")?.text == "1e400")
    #expect(try resolve("@inputs.list[0][0]")?.text == "1.0")
    #expect(try resolve("@inputs.none") == .null)
  }

  @Test func `References are resolved at any depth, and all else stays as it was written`() throws {
    let params: JSONObject = ["z": [["@pre.clean_text", 1], "plain"], "a": ["@pre": "@chunks.items[0]"], "b": true]
    let (resolved, bytes) = try scope.resolve(params, within: ReferenceScopeTests.wide)
    #expect(bytes == JSONValue.object(resolved).bytes.count)
    #expect(JSONValue.object(resolved).text == #"{"z":[["clean",1],"plain"],"a":{"@pre":{"text":"first"}},"b":true}"#)
  }

  @Test func `Data that looks like a reference is never resolved again`() throws {
    #expect(try resolve("@inputs.text") == "@pre.clean_text")
    #expect(try resolve("@inputs.list")?.text == #"[[1.0,"@@x"]]"#)
    let all = #"[{"text":"@pre.clean_text","n":1e400,"list":[[1.0,"@@x"]],"none":null}]"#
    #expect(try resolve(["@inputs"])?.text == all)
  }

  @Test func `Two at signs become one`() throws {
    #expect(try resolve("@@pre.clean_text") == "@pre.clean_text")
    #expect(try resolve(["@@", "@@@"]) == ["@", "@@"])
  }

  @Test func `Keys are told apart by their scalars`() throws {
    #expect(try resolve("@chunks.é") == "composed")
    #expect(try resolve("@chunks.e\u{301}") == "decomposed")
  }

  @Test func `A missing key names what is there`() {
    #expect(sentence("@pre.text") == "@pre.text: no key text; the keys there: clean_text")
    #expect(sentence("@chunks.items[0].id") == "@chunks.items[0].id: no key id; the keys there: text")
    #expect(sentence("@chunks.items[2]") == "@chunks.items[2]: no element [2]; an array of 2 is there")
    #expect(sentence("@chunks.items.text") == "@chunks.items.text: no key text; an array of 2 is there")
    #expect(sentence("@pre[0]") == "@pre[0]: no element [0]; the keys there: clean_text")
    #expect(sentence("@pre.clean_text.x") == "@pre.clean_text.x: no key x; a string is there")
    #expect(sentence("@inputs.none.x") == "@inputs.none.x: no key x; a null is there")
  }

  @Test func `A step that has ended without outputs is null, whatever is asked of it`() throws {
    #expect(try resolve("@llm") == .null)
    #expect(try resolve("@llm.summary[0].x") == .null)
  }

  @Test func `An item out of place and a malformed reference are named`() {
    #expect(sentence("@item.x") == "@item.x: there is no item at hand")
    #expect(sentence("@pre.") == "@pre. is not a reference; write @@pre. for a text that starts with @")
  }

  @Test func `Where there are many keys the first twenty are named`() throws {
    let wide = JSONObject((1...21).map { ("k\($0)", .null) })
    let scope = ReferenceScope(inputs: wide, outputs: ["none": [:]])
    let failure = #expect(throws: StepFailure.self) {
      try scope.resolve(["v": "@inputs.x"], within: ReferenceScopeTests.wide)
    }
    #expect(failure?.message.hasSuffix("k19, k20, …") == true)
    let empty = #expect(throws: StepFailure.self) {
      try scope.resolve(["v": "@none.x"], within: ReferenceScopeTests.wide)
    }
    #expect(empty?.message == "@none.x: no key x; the keys there: none")
  }

  @Test(arguments: ["@inputs.text", "@inputs", "@pre", "{{inputs.text}}\u{1} {{inputs}}", #"\{{{{ pre }}{{pre.a[0]}}"#])
  func `Parameters that would be too long are refused before they are built`(reference: String) throws {
    let scope = ReferenceScope(
      inputs: ["text": .string(String(repeating: "\u{1}\"x", count: 1_000))], outputs: ["pre": ["a": [1, 2, 3]]])
    let params: JSONObject = ["a": .array(Array(repeating: .string(reference), count: 50)), "b": [["x": "@@y"]]]
    let (resolved, bytes) = try scope.resolve(params, within: ByteLimit(.max, setting: "WF_TEST"))
    #expect(bytes == JSONValue.object(resolved).bytes.count)
    #expect(try scope.resolve(params, within: ByteLimit(bytes, setting: "WF_TEST")).bytes == bytes)
    let failure = #expect(throws: StepFailure.self) {
      try scope.resolve(params, within: ByteLimit(bytes - 1, setting: "WF_TEST"))
    }
    #expect(failure?.code == .outputTooLarge)
    #expect(failure?.message.contains("more than \(bytes - 1) bytes (WF_TEST)") == true)
  }

  @Test func `A message repeats no more than the start of long texts`() throws {
    let long = String(repeating: "é", count: 100_000)
    let scope = ReferenceScope(inputs: JSONObject((0..<20).map { (long + "\($0)", .null) }))
    for text in ["@inputs." + long, "@" + long] {
      let failure = #expect(throws: StepFailure.self) {
        try scope.resolve(["v": .string(text)], within: ByteLimit(.max, setting: "WF_TEST"))
      }
      #expect(failure.map { $0.message.utf8.count <= StepFailure.longestMessage + 3 } == true)
      #expect(failure?.message.unicodeScalars.contains("\u{FFFD}") == false)
    }
  }
}
