import ExactJSON

/// What a workflow of the mix must come to, worked out one step after another without any of wf's own code.
struct Expectation {
  /// Why it fails; nil when it finishes.
  private(set) var errorCode: String?
  /// What each step returns, but for what depends on chance: `usage`, and `items` where stores are filled in parallel.
  private(set) var outputs = JSONObject()
  /// What is stored, by namespace, in no order.
  private(set) var stores: [String: [JSONValue]] = [:]
  private let inputs: JSONObject

  private struct Missing: Error {}

  /// Runs a workflow.
  init(of workflow: JSONValue) {
    inputs = workflow.objectValue?["inputs"]?.objectValue ?? JSONObject()
    let steps = (workflow.objectValue?["steps"]?.arrayValue ?? []).compactMap(\.objectValue)
    // The calls of a chain stand in order and stores come after whatever they need: two rounds are enough.
    do {
      for step in steps where step["op"] == "preprocess" && step["when"] == nil { try run(step) }
      for step in steps where step["op"] == "llm_summarize" && step["optional"] == nil { try run(step) }
      for step in steps where step["op"] == "store_result" { try run(step) }
    } catch {
      errorCode = "reference_missing"
    }
  }

  private mutating func run(_ step: JSONObject) throws {
    let id = step["id"]?.stringValue ?? ""
    let params = step["params"]?.objectValue ?? JSONObject()
    switch step["op"]?.stringValue {
    case "preprocess":
      let text = inputs[params["field"]?.stringValue ?? ""]?.stringValue ?? ""
      outputs[id] = ["clean_text": .string(text.split(separator: " ").joined(separator: " "))]
    case "llm_summarize":
      if let items = step["foreach"]?.arrayValue {
        outputs[id] = ["items": .array(items.map { answer($0.stringValue ?? "") })]
      } else {
        outputs[id] = answer(try value(params["source"]).stringValue ?? "")
      }
    default:
      let namespace = params["namespace"]?.stringValue ?? ""
      stores[namespace, default: []].append(try value(params["data"]))
      outputs[id] = ["stored_under": .string(namespace)]
    }
  }

  private func answer(_ source: String) -> JSONValue {
    let text = "Model: " + String(String.UnicodeScalarView(source.unicodeScalars.prefix(40)))
    return ["summary": .string(text), "provider": "openai", "model": "m", "finish_reason": "stop"]
  }

  private func value(_ param: JSONValue?) throws -> JSONValue {
    guard let param, let text = param.stringValue, text.hasPrefix("@") else { return param ?? .null }
    if text == "@map.items[*].summary" {
      let items = outputs["map"]?.objectValue?["items"]?.arrayValue ?? []
      return .array(items.map { $0.objectValue?["summary"] ?? .null })
    }
    let parts = text.dropFirst().split(separator: ".").map(String.init)
    let root = parts[0] == "inputs" ? .object(inputs) : outputs[parts[0]]
    guard let found = parts.count == 1 ? root : root?.objectValue?[parts[1]] else { throw Missing() }
    return found
  }

  /// What is wrong with a result; nil when it is as expected.
  /// - Parameter isRunAgain: a store step that runs again counts on from what was stored before.
  func difference(from result: JSONObject, isRunAgain: Bool = false) -> String? {
    if result["inputs"] != .object(inputs) { return "the inputs differ" }
    let found = result["outputs"]?.objectValue ?? JSONObject()
    if comparable(found) != outputs { return "the outputs are \(JSONValue.object(found).text)" }
    let groups = result["stores"]?.objectValue ?? JSONObject()
    if Set(groups.keys) != Set(stores.keys) { return "the stores are \(groups.keys)" }
    for (namespace, values) in stores {
      let stored = groups[namespace]?.arrayValue ?? []
      if stored.map(\.text).sorted() != values.map(\.text).sorted() {
        return "in \(namespace) are \(stored.map(\.text))"
      }
      let counts = found.members.map(\.value.objectValue).filter { $0?["stored_under"] == .string(namespace) }
        .compactMap { $0?["items"]?.numberValue?.int }
      if !isRunAgain, counts.sorted() != Array(1...values.count) { return "\(namespace) counts its items as \(counts)" }
    }
    return nil
  }

  private func comparable(_ outputs: JSONObject) -> JSONObject {
    JSONObject(
      outputs.members.map { step in
        var object = step.value.objectValue ?? JSONObject()
        object["usage"] = nil
        if let items = object["items"]?.arrayValue {
          object["items"] = .array(items.map { .object(comparable(item: $0.objectValue ?? JSONObject())) })
        } else {
          object["items"] = nil
        }
        return (step.key, .object(object))
      })
  }

  /// The outputs of an item.
  private func comparable(item: JSONObject) -> JSONObject {
    var item = item
    item["usage"] = nil
    return item
  }
}
