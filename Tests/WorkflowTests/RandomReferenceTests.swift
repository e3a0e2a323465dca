import ExactJSON
import SeededRandom
import Testing
import Workflow

/// Whatever a text is, the ways to read it agree: what it is read as, what its step waits for, and what is refused.
struct RandomReferenceTests {
  private static let seeds: [UInt64] = [1, 2, 3]
  private static let pieces = [
    "pre", "inputs", "item", "a", "0", "12", ".", "[", "]", "\"", "\\", "\\\"", "[\"", "\"]", " ", "é", "e\u{301}", "@",
    "\\u0041", "\\ud800", "\n", "-", "{{", "}}", "{", "}",
  ]

  static func text(using random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  /// A fault of a string as a parameter, if there is one.
  private static func fault(of text: String) -> ValidationFault? {
    ParameterSchema([.init("v", .any)]).faults(in: ["v": .string(text)], at: []).first
  }

  @Test(arguments: seeds) func `A text is a reference for all who read it, or for none`(seed: UInt64) async {
    var random = SeededGenerator(seed: seed)
    var references = 0
    for round in 0..<20_000 {
      // Other tests wait for this thread.
      if round % 100 == 0 { await Task.yield() }
      let text = "@" + Self.text(using: &random).replacing(#/^@+|{{/#, with: "")
      let step = StepDefinition(id: "s", op: "note", needs: [], params: ["v": .string(text)])
      let message = Self.fault(of: text)?.message
      switch Reference.read(text) {
      case .reference(let reference):
        references += 1
        #expect(step.dependencies.map(\.step) == [reference.step].compactMap { $0 }, "\(text)")
        #expect(reference.root == .item ? message?.contains("@item") == true : message == nil, "\(text)")
      case .malformed: #expect(step.dependencies == [] && message?.contains("not a reference") == true, "\(text)")
      case .template: Issue.record("\(text)")
      case .literal(let literal):
        #expect(step.dependencies == [] && message == nil, "\(text)")
        #expect("@\(literal)".unicodeScalars.elementsEqual(text.unicodeScalars), "\(text)")
      }
    }
    #expect(references > 100)
  }

  @Test(arguments: seeds) func `Any key can be named in brackets`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let key = Self.text(using: &random)
      let scope = ReferenceScope(inputs: [key: [key: [1]]])
      let quoted = JSONValue.string(key).text
      let text = "@inputs[\(quoted)][\(quoted)][0]"
      let resolved = try scope.resolve(["v": .string(text)], within: ByteLimit(.max, setting: "WF_TEST"))
      #expect(resolved.params["v"] == 1, "\(text)")
    }
  }
}
