import ExactJSON
import SeededRandom
import SystemHarness

/// Random valid workflows: text inputs, explicit `needs`.
struct RandomWorkflow {
  private var generator: SeededGenerator
  private var ops: [(id: String, op: String)] = []
  private let alphabet = ["alpha", "β", "wörd", "😀", "x", "a\u{301}b", "long-word-number-7", "  "]

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// The next workflow.
  mutating func next() -> JSONValue {
    ops = []
    let fields = (0..<Int.random(in: 1...3, using: &generator)).map { "f\($0)" }
    let inputs = JSONObject(fields.map { ($0, .string(text())) })
    let count = Int.random(in: 1...12, using: &generator)
    let steps = (0..<count).map { step($0, fields) }
    return [
      "run_name": .string("random"), "inputs": .object(inputs),
      "steps": .array(steps.shuffled(using: &generator)),
    ]
  }

  private mutating func text() -> String {
    let words = (0..<Int.random(in: 0...20, using: &generator)).map { _ in alphabet.randomElement(using: &generator) }
    return words.compactMap { $0 }.joined(separator: " ")
  }

  private mutating func step(_ number: Int, _ fields: [String]) -> JSONValue {
    let id = "s\(number)"
    let earlier = ops.shuffled(using: &generator).prefix(Int.random(in: 0...3, using: &generator))
    let op = ["preprocess", "llm_summarize", "store_result"].randomElement(using: &generator) ?? "preprocess"
    let params = params(op, Array(earlier), fields)
    ops.append((id, op))
    let needs = JSONValue.array(earlier.map { .string($0.id) })
    return ["id": .string(id), "op": .string(op), "needs": needs, "params": .object(params)]
  }

  private mutating func params(_ op: String, _ needed: [(id: String, op: String)], _ fields: [String]) -> JSONObject {
    switch op {
    case "preprocess":
      return ["field": .string((fields + ["missing"]).randomElement(using: &generator) ?? "f0")]
    case "llm_summarize":
      let texts = needed.compactMap { step in reference(to: step, wantsText: true) }
      return [
        "source": .string(texts.randomElement(using: &generator) ?? text()),
        "max_tokens": .number(JSONNumber(Int.random(in: 1...60, using: &generator))),
      ]
    default:
      let values = needed.compactMap { step in reference(to: step, wantsText: Bool.random(using: &generator)) }
      return [
        "namespace": .string(["a", "b c", "ü:d"].randomElement(using: &generator) ?? "a"),
        "data": .string(values.randomElement(using: &generator) ?? text()),
      ]
    }
  }

  /// A reference to a text that a step returns, or to all that it returns; not to the count of a store, which depends
  /// on the order in which parallel steps are recorded.
  private func reference(to step: (id: String, op: String), wantsText: Bool) -> String? {
    switch step.op {
    case "preprocess": wantsText ? "@\(step.id).clean_text" : "@\(step.id)"
    case "llm_summarize": wantsText ? "@\(step.id).summary" : "@\(step.id)"
    default: "@\(step.id).stored_under"
    }
  }
}
