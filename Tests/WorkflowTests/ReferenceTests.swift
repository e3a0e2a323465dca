import ExactJSON
import Testing
import Workflow

struct ReferenceTests {
  private typealias Component = Reference.Component

  private func reference(_ text: String) throws -> Reference {
    guard case .reference(let reference) = Reference.read(text) else {
      throw StepFailure(.referenceMissing, "\(text) is read as \(Reference.read(text))")
    }
    return reference
  }

  @Test func `A reference is a root and a way into it`() throws {
    let whole = try reference("@pre")
    #expect(whole.root == .step("pre") && whole.path.isEmpty && whole.text == "@pre" && whole.step == "pre")
    let output = try reference("@pre.clean_text")
    #expect(output.root == .step("pre") && output.path == [.key("clean_text")])
    let deep = try reference("@chunks.items[0].text")
    #expect(deep.path == [.key("items"), .index(0), .key("text")])
    let matrix = try reference("@_-9[12][0].a.b")
    #expect(matrix.root == .step("_-9"))
    #expect(matrix.path == [.index(12), .index(0), .key("a"), .key("b")])
  }

  @Test func `inputs and item are roots of their own`() throws {
    let input = try reference("@inputs.text")
    #expect(input.root == .inputs && input.path == [.key("text")] && input.step == nil)
    let item = try reference("@item[3]")
    #expect(item.root == .item && item.path == [.index(3)] && item.step == nil)
    #expect(try reference("@Inputs").root == .step("Inputs"))
    #expect(try reference("@inputs2").root == .step("inputs2"))
  }

  @Test func `A key is any text without dots and brackets`() throws {
    #expect(try reference("@pre.two words, \"quoted\" @ é 😀").path == [.key("two words, \"quoted\" @ é 😀")])
    let combining = try reference("@pre.\u{301}a[0]")
    #expect(combining.path == [.key("\u{301}a"), .index(0)])
    #expect(try reference("@pre.0").path == [.key("0")])
  }

  @Test func `A key in brackets is a JSON string, and so any text`() throws {
    let text = #"@inputs["a.b"]["x y"].z[0]["[1]"][""]["a\"b\\\/"]["\u00e9\ud83d\ude00\n"]["é"]"#
    #expect(
      try reference(text).path == [
        .key("a.b"), .key("x y"), .key("z"), .index(0), .key("[1]"), .key(""), .key("a\"b\\/"), .key("é😀\n"), .key("é"),
      ])
    #expect(try reference(text).text == text)
    let combining = try reference("@pre[\"\u{301}]\u{301}\"]")
    guard case .key(let key)? = combining.path.first else { return }
    #expect(Array(key.unicodeScalars) == ["\u{301}", "]", "\u{301}"])
  }

  @Test(arguments: ["", "text", " @pre", "a@pre.b", "e\u{301}", "{a} {b}}", "}}", "{"])
  func `A text that does not start with an at sign stands for itself`(text: String) {
    #expect(Reference.read(text) == .literal(text))
  }

  @Test(arguments: [("@@", "@"), ("@@pre.x", "@pre.x"), ("@@@pre", "@@pre"), ("@@\u{301}", "@\u{301}")])
  func `Two at signs are one at sign of a text`(text: String, literal: String) throws {
    guard case .literal(let read) = Reference.read(text) else {
      Issue.record("\(text) is no literal")
      return
    }
    #expect(Array(read.unicodeScalars) == Array(literal.unicodeScalars))
  }

  static let malformed = [
    "@", "@.", "@ pre", "@-pre", "@pre.", "@pre..x", "@pre.x.", "@pre[", "@pre[]", "@pre[x]", "@pre[-1]", "@pre[1",
    "@pre[+1]", "@pre[٣]", "@pre[ 1]", "@pre]", "@pre.x]", "@pre[0]x", "@pre[99999999999999999999]", "@é.x",
    "@\u{301}pre", "@pre\u{301}.x", "@pre x", "@a/b", #"@pre[""#, #"@pre["a]"#, #"@pre["a""#,
    #"@pre["a"x]"#, #"@pre["a"]x"#, #"@pre[ "a"]"#, #"@pre["a" ]"#, #"@pre['a']"#, #"@pre["a\"]"#, #"@pre["\x"]"#,
    #"@pre["\ud800"]"#, #"@pre["\u12"]"#, "@pre[\"\n\"]", #"@pre."a"[""#, #"@["a"]"#,
    "@" + String(repeating: "a", count: 129),
  ]

  @Test(arguments: malformed)
  func `A text that starts with an at sign and follows no rule is malformed`(text: String) {
    #expect(Reference.read(text) == .malformed(text))
  }

  @Test func `References are found at any depth, in the order in which they are written`() throws {
    let params = try JSONValue(
      parsing: #"{"z":"@c.x","a":["@a",{"deep":["@@no","@b[0]","@"]},1,null,true],"@key":"@c.x"}"#)
    let step = StepDefinition(id: "s", op: "note", needs: [], params: params.objectValue ?? [:])
    #expect(step.dependencies == ["c", "a", "b"])
  }

  @Test func `A step waits for what it needs and for what its parameters refer to, each once`() {
    let step = StepDefinition(
      id: "s", op: "note", needs: ["x", "y", "x"],
      params: ["a": "@inputs.text", "b": ["@y.v", ["c": "@z[0]"]], "d": "@item", "e": "@@w", "f": "@z"])
    #expect(step.dependencies == ["x", "y", "z"])
  }

  @Test func `An id is up to 128 ASCII letters, digits, underscores and inner hyphens`() {
    for id in ["a", "_", "9", "a-b_C-9-", String(repeating: "x", count: 128)] {
      #expect(StepDefinition.isValidID(id), "\(id)")
    }
    for id in ["", "-a", "a b", "a.b", "é", "a\u{301}", "\u{212a}", "a\n", "a@", String(repeating: "x", count: 129)] {
      #expect(!StepDefinition.isValidID(id), "\(id)")
    }
  }
}
