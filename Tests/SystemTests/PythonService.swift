import ExactJSON

/// A plain reimplementation of the Python service's three operations, to compare results with.
struct PythonService {
  private let inputs: JSONObject
  private var steps: [String: JSONObject] = [:]
  private(set) var outputs = JSONObject()
  private(set) var stores: [String: [JSONValue]] = [:]

  /// Runs a valid workflow, one step after another in an order that its `needs` allow.
  init(running workflow: JSONValue) {
    let body = workflow.objectValue ?? JSONObject()
    inputs = body["inputs"]?.objectValue ?? JSONObject()
    var waiting = (body["steps"]?.arrayValue ?? []).compactMap(\.objectValue)
    while let index = waiting.firstIndex(where: { isReady($0) }) {
      let step = waiting.remove(at: index)
      let id = step["id"]?.stringValue ?? ""
      let result = run(step["op"]?.stringValue ?? "", step["params"]?.objectValue ?? JSONObject())
      steps[id] = result
      outputs[id] = .object(result)
    }
    precondition(waiting.isEmpty, "the workflow has a cycle")
  }

  private func isReady(_ step: JSONObject) -> Bool {
    (step["needs"]?.arrayValue ?? []).allSatisfy { steps[$0.stringValue ?? ""] != nil }
  }

  private mutating func run(_ op: String, _ params: JSONObject) -> JSONObject {
    switch op {
    case "preprocess":
      let text = inputs[params["field"]?.stringValue ?? "text"]?.stringValue ?? ""
      return ["clean_text": .string(text.split(separator: " ").joined(separator: " "))]
    case "llm_summarize":
      let source = Array((deref(params["source"] ?? "@pre.clean_text").stringValue ?? "").unicodeScalars)
      let limit = params["max_tokens"]?.numberValue?.int ?? 120
      let head = String(String.UnicodeScalarView(source.prefix(limit)))
      return ["summary": .string("Summary(\(min(source.count, limit))): \(head)")]
    default:
      let namespace = params["namespace"]?.stringValue ?? "default"
      stores[namespace, default: []].append(deref(params["data"] ?? "@llm.summary"))
      return ["stored_under": .string(namespace), "items": .number(JSONNumber(stores[namespace]?.count ?? 0))]
    }
  }

  private func deref(_ value: JSONValue) -> JSONValue {
    guard let text = value.stringValue, text.hasPrefix("@") else { return value }
    let parts = text.dropFirst().split(separator: ".", maxSplits: 1).map(String.init)
    let data = steps[parts[0]] ?? JSONObject()
    return parts.count == 1 ? .object(data) : data[parts[1]] ?? .null
  }
}
