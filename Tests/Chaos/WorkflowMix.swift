import ExactJSON
import SeededRandom
import SystemHarness

/// Random workflows of the kinds that people post, each with a text of its own.
struct WorkflowMix {
  private var generator: SeededGenerator
  private let name: String
  /// Where the ends of some runs are reported.
  private let callbackURL: String?
  private var number = 0
  private var namespaces: [String] { ["summaries", "a b", "ü:d", "reports", "x"] }

  /// - Parameter name: goes into every text, so that no two mixes make the same.
  init(seed: UInt64, name: String, callbackURL: String?) {
    generator = SeededGenerator(seed: seed)
    self.callbackURL = callbackURL
    self.name = name
  }

  /// The next workflow.
  mutating func next() -> JSONValue {
    number += 1
    let text = "\(name).\(number)  says  \(UInt32.random(in: 0 ... .max, using: &generator)) and more"
    let (kind, steps) = kindAndSteps(text)
    var workflow: JSONObject = [
      "run_name": .string("\(kind) \(name).\(number)"), "inputs": ["text": .string(text), "title": .string(kind)],
      "steps": .array(steps),
    ]
    if kind == "delayed" { addFields(to: &workflow) }
    if number % 8 == 5 {
      // Young runs of many clients have the same.
      var labels = workflow["labels"]?.objectValue ?? JSONObject()
      labels["batch"] = .string("b\(number / 16)")
      workflow["labels"] = .object(labels)
    }
    if number % 6 == 2 { workflow["callback_url"] = callbackURL.map { .string($0) } }
    return .object(workflow)
  }

  /// What a run says besides its steps.
  private mutating func addFields(to workflow: inout JSONObject) {
    workflow["delay_s"] = .number(JSONNumber(text: "\(Int.random(in: 0...2, using: &generator)).25") ?? JSONNumber(1))
    workflow["priority"] = ["high", "normal", "low"].randomElement(using: &generator)
    workflow["timeout_s"] = 3_600
    workflow["labels"] = ["kind": "delayed"]
  }

  private mutating func kindAndSteps(_ text: String) -> (String, [JSONValue]) {
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<22: ("example", [pre(), llm("llm"), store("store", "@llm.summary", namespace())])
    case 22..<36: ("chain", chain(Int.random(in: 2...5, using: &generator)))
    case 36..<50: ("fan", fan(Int.random(in: 2...5, using: &generator), text))
    case 50..<57: ("stores", stores(Int.random(in: 3...6, using: &generator)))
    case 57..<65: ("quick", quick(Int.random(in: 1...6, using: &generator)))
    case 65..<78: ("map", map(Int.random(in: 0...8, using: &generator), text))
    case 78..<84: ("delayed", [pre(), llm("llm"), store("store", "@llm.summary", namespace())])
    case 84..<90: ("conditional", conditional())
    case 90..<95: ("faulty", [pre(), store("store", "@pre.nothing", namespace())])
    default: ("faulty after a call", [pre(), llm("llm"), store("store", "@llm.nothing", namespace())])
    }
  }

  /// Model calls one after another, each about what the one before has answered.
  private mutating func chain(_ length: Int) -> [JSONValue] {
    let calls = (0..<length).map { llm("llm\($0)", $0 == 0 ? "@pre.clean_text" : "@llm\($0 - 1).summary") }
    return [pre()] + calls + [store("store", "@llm\(length - 1).summary", namespace())]
  }

  /// Model calls at the same time, each with a store.
  private mutating func fan(_ width: Int, _ text: String) -> [JSONValue] {
    let calls = (0..<width).map { llm("llm\($0)", "\($0) \(text)") }
    return [pre()] + calls + (0..<width).map { store("store\($0)", "@llm\($0).summary", namespace()) }
  }

  /// One model call, stored several times among other things.
  private mutating func stores(_ count: Int) -> [JSONValue] {
    let values = ["@llm.summary", "@pre", "@pre.clean_text", "@inputs.title", "@inputs"]
    let stores = (0..<count).map { store("store\($0)", values[$0 % values.count], namespace()) }
    return ([pre(), llm("llm")] + stores).shuffled(using: &generator)
  }

  /// A model call per item, and all summaries in a store.
  private mutating func map(_ count: Int, _ text: String) -> [JSONValue] {
    let items = (0..<count).map { JSONValue.string("\($0) of \(text)") }
    let step: JSONValue = [
      "id": "map", "op": "llm_summarize", "foreach": .array(items),
      "concurrency": .number(JSONNumber(Int.random(in: 1...4, using: &generator))), "params": ["source": "@item"],
      "retry": ["delay_s": .number(JSONNumber(text: "0.1") ?? JSONNumber(1)), "max_attempts": 50],
    ]
    return [pre(), step, store("store", "@map.items[*].summary", namespace())]
  }

  /// A step that is skipped, one that fails and may, and one that waits for both.
  private mutating func conditional() -> [JSONValue] {
    let skipped: JSONValue = ["id": "skip", "op": "preprocess", "when": ["eq": ["@inputs.title", "never"]]]
    let optional: JSONValue = [
      "id": "opt", "op": "llm_summarize", "optional": true, "params": ["source": "@pre"],
    ]
    let last: JSONValue = ["id": "last", "op": "preprocess", "needs": ["skip", "opt"], "params": ["field": "text"]]
    return [pre(), skipped, optional, last, llm("llm"), store("store", "@llm.summary", namespace())]
  }

  /// Nothing to wait for.
  private mutating func quick(_ count: Int) -> [JSONValue] {
    let steps = (0..<count).map { pre("pre\($0)", $0 % 2 == 0 ? "text" : "title") }
    return steps + [store("store", "@pre\(count - 1).clean_text", namespace())]
  }

  private mutating func namespace() -> String { namespaces.randomElement(using: &generator) ?? "x" }

  private func pre(_ id: String = "pre", _ field: String = "text") -> JSONValue {
    ["id": .string(id), "op": "preprocess", "params": ["field": .string(field)]]
  }

  private func llm(_ id: String, _ source: String = "@pre.clean_text") -> JSONValue {
    ["id": .string(id), "op": "llm_summarize", "params": ["source": .string(source)]]
  }

  private func store(_ id: String, _ data: String, _ namespace: String) -> JSONValue {
    ["id": .string(id), "op": "store_result", "params": ["data": .string(data), "namespace": .string(namespace)]]
  }
}
