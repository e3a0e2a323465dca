import ExactJSON
import SeededRandom
import Testing
import Workflow

/// Templates of random parts: what is written comes back, and nothing else is read as a reference.
struct RandomTemplateTests {
  static let seeds: [UInt64] = [1, 2, 3]
  private static let pieces = [
    "{{", "}}", "{", "}", "\\", "\\\\", "\\{{", "pre", "inputs", "item", ".a", "[0]", "[\"", "\"]", "\"", " ", "@", "é",
    "e\u{301}", "\n", "x", "{{pre.a}}",
  ]
  private static let limit = ByteLimit(.max, setting: "WF_TEST")

  static func text(using random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  /// A text as it is written to stand for itself, before a reference if one follows.
  private static func escaped(_ text: String, beforeReference: Bool) -> String {
    var written = ""
    var backslashes = 0
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      if scalar == "{", rest.first == "{" {
        written += String(repeating: "\\", count: backslashes + 1) + "{{"
        rest.removeFirst()
        backslashes = 0
      } else {
        backslashes = scalar == "\\" ? backslashes + 1 : 0
        written.unicodeScalars.append(scalar)
      }
    }
    return beforeReference ? written + String(repeating: "\\", count: backslashes) : written
  }

  @Test(arguments: seeds) func `Any text can be written around references`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5_000 {
      var (written, wanted) = ("-", "-")
      var outputs: JSONObject = [:]
      for number in 0..<Int.random(in: 0...3, using: &random) {
        let (text, value, key) = (
          Self.text(using: &random), Self.text(using: &random), Self.text(using: &random) + "\(number)"
        )
        // One brace before two would be the first of them.
        let plain = text.unicodeScalars.last == "{" ? text + "." : text
        let blank = ["", " ", "\n\t "].randomElement(using: &random) ?? ""
        outputs[key] = .string(value)
        written += Self.escaped(plain, beforeReference: true) + "{{\(blank)pre[\(JSONValue.string(key).text)]\(blank)}}"
        wanted += plain + value
      }
      let end = Self.text(using: &random)
      written += Self.escaped(end, beforeReference: false)
      wanted += end
      let scope = ReferenceScope(inputs: [:], outputs: ["pre": outputs])
      let params: JSONObject = ["v": .string(written)]
      let (resolved, bytes) = try scope.resolve(params, within: Self.limit)
      #expect(resolved["v"] == .string(wanted), "\(written)")
      #expect(bytes == JSONValue.object(resolved).bytes.count, "\(written)")
      let step = StepDefinition(id: "s", op: "note", needs: [], params: params)
      #expect(step.dependencies == (outputs.isEmpty ? [] : ["pre"]), "\(written)")
    }
  }

  @Test(arguments: seeds) func `What is refused at submission is what cannot be resolved`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var (good, faulty) = (0, 0)
    let schema = ParameterSchema([.init("v", .any)])
    let scope = ReferenceScope(inputs: [:], outputs: ["pre": ["a": "x"]])
    for _ in 0..<20_000 {
      let text = " " + Self.text(using: &random) + "{{" + Self.text(using: &random) + "}}"
      let params: JSONObject = ["v": .string(text)]
      let isRefused = schema.faults(in: params, at: []).contains { $0.message.contains("is no reference such as") }
      var message: String?
      do throws(StepFailure) { _ = try scope.resolve(params, within: Self.limit) } catch { message = error.message }
      if isRefused {
        #expect(message != nil, "\(text)")
      } else {
        #expect(message?.contains("is not a reference") != true, "\(text)")
      }
      good += message == nil ? 1 : 0
      faulty += isRefused ? 1 : 0
    }
    #expect(good > 100 && faulty > 100)
  }
}
