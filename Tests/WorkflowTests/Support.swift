import ExactJSON
import Workflow

extension DefinitionReader {
  /// A reader for the operations that the page Contract lists, one without parameters, and one that takes anything.
  static let sample = DefinitionReader(
    operations: [
      "preprocess": ParameterSchema([.init("field", .string(), default: "text")]),
      "llm_summarize": ParameterSchema([
        .init("source", .string(), default: "@pre.clean_text"),
        .init("max_tokens", .integer(1...1_000_000), default: 120),
        .init("model", .string(maxScalars: 5)),
        .init("temperature", .number(0...2)),
      ]),
      "store_result": ParameterSchema([
        .init("namespace", .string(maxScalars: 200), default: "default"), .init("data", .any, default: "@llm.summary"),
      ]),
      "wait": ParameterSchema([]),
      "note": ParameterSchema([.init("value", .any)]),
    ], callbacks: { $0.contains("//refused") ? "it is refused" : nil })

  /// Reads a body that is good.
  func read(text: String) throws -> WorkflowDefinition { try read(parse(Array(text.utf8))).definition }

  /// What is wrong with a body.
  func faults(in text: String) throws -> [ValidationFault] {
    let body = try parse(Array(text.utf8))
    do {
      _ = try read(body)
      return []
    } catch {
      return error.faults
    }
  }

  /// What is wrong with a body, each fault as `type at body.steps.0.id`, from what a client sees.
  func summary(ofFaultsIn text: String) throws -> [String] {
    try faults(in: text).map { fault in
      let shown = fault.json.objectValue
      let place = (shown?["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.text }
      return "\(shown?["type"]?.stringValue ?? "") at \(place.joined(separator: "."))"
    }
  }
}

extension StepGraph {
  /// A graph of steps with these ids, `a: b c! d?` meaning that `a` waits for `b`, for the failure of `c`, and for the
  /// end of `d` whatever it is.
  init(_ lines: String...) {
    self.init(
      lines.map { line in
        let words = line.split { $0 == ":" || $0 == " " }.map(String.init)
        return (words[0], words.dropFirst().map(Need.init(word:)))
      })
  }

  /// A graph of numbered steps.
  init(count: Int, dependencies: (Int) -> [Int]) {
    self.init((0..<count).map { ("\($0)", dependencies($0).map { Need("\($0)") }) })
  }
}

extension Need {
  fileprivate init(word: String) {
    switch word.last {
    case "!": self.init(String(word.dropLast()), on: .failed)
    case "?": self.init(String(word.dropLast()), on: .any)
    default: self.init(word)
    }
  }
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
