import ExactJSON
import SystemHarness
import Testing

/// 1,000 random graphs give what the Python service gives.
@Suite struct RandomGraphTests {
  @Test func `1,000 random valid graphs give what the Python service gives`() async throws {
    let stack = try await SharedStack.get()
    let seed = UInt64.random(in: 0 ... .max)
    var random = RandomWorkflow(seed: seed)
    var runs: [(id: String, workflow: JSONValue)] = []
    for _ in 0..<1_000 {
      let workflow = random.next()
      runs.append((try await stack.submit(workflow), workflow))
    }
    for (id, workflow) in runs {
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished", "seed \(seed): \(workflow.text)")
      let python = PythonService(running: workflow)
      let result = try #require(status["result"]?.objectValue)
      #expect(result["inputs"] == workflow.objectValue?["inputs"])
      let ordered = orderedNamespaces(workflow)
      #expect(
        comparable(result["outputs"], ordered) == comparable(.object(python.outputs), ordered),
        "seed \(seed): \(workflow.text)")
      let stores = Dictionary(
        uniqueKeysWithValues: (result["stores"]?.objectValue?.members ?? []).map { ($0.key, $0.value) })
      #expect(Set(stores.keys) == Set(python.stores.keys))
      for (namespace, values) in python.stores {
        let found = (stores[namespace]?.arrayValue ?? []).map { stripped($0).text }
        let wanted = values.map { stripped($0).text }
        let isSame = ordered.contains(namespace) ? found == wanted : found.sorted() == wanted.sorted()
        #expect(isSame, "seed \(seed): \(workflow.text)")
      }
    }
  }

  /// The namespaces whose store steps are all ordered by dependencies.
  private func orderedNamespaces(_ workflow: JSONValue) -> Set<String> {
    let steps = (workflow.objectValue?["steps"]?.arrayValue ?? []).compactMap(\.objectValue)
    let byID = Dictionary(uniqueKeysWithValues: steps.map { ($0["id"]?.stringValue ?? "", $0) })
    func ancestors(_ id: String) -> Set<String> {
      let needs = (byID[id]?["needs"]?.arrayValue ?? []).compactMap(\.stringValue)
      return needs.reduce(into: Set(needs)) { $0.formUnion(ancestors($1)) }
    }
    var stores: [String: [String]] = [:]
    for step in steps where step["op"] == "store_result" {
      let namespace = step.at("params", "namespace")?.stringValue ?? "default"
      stores[namespace, default: []].append(step["id"]?.stringValue ?? "")
    }
    return Set(
      stores.filter { _, ids in
        ids.allSatisfy { one in
          let before = ancestors(one)
          return ids.allSatisfy { $0 == one || before.contains($0) || ancestors($0).contains(one) }
        }
      }.keys)
  }

  /// Outputs without what only wf adds, and without the counts that depend on the order of parallel steps.
  private func comparable(_ outputs: JSONValue?, _ ordered: Set<String>) -> JSONValue {
    let members = (outputs?.objectValue?.members ?? []).map { member -> (key: String, value: JSONValue) in
      var object = stripped(member.value).objectValue ?? JSONObject()
      if let namespace = object["stored_under"]?.stringValue, !ordered.contains(namespace) { object["items"] = nil }
      return (member.key, .object(object))
    }
    return .object(JSONObject(members))
  }

  private func stripped(_ value: JSONValue) -> JSONValue {
    guard var object = value.objectValue else { return value }
    for key in ["provider", "model", "usage"] { object[key] = nil }
    return .object(object)
  }
}
