import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /workflow/ops`: the operations with the schemas of their parameters, and how many live workers have each.
struct OperationsRoute: Route {
  let method = "GET"
  let pattern = ["workflow", "ops"]
  let catalog: OperationCatalog

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listOperations", summary: "The operations that steps may name",
      description: """
        The schemas of parameters refer to those under `components` of the same document. `variants` are there where API \
        and workers have an operation with different parameters: those that one of the schemas allows are accepted.
        """, answers: [.json(200, "Operations", "The operations, by name.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let snapshot: OperationCatalog.Snapshot
    do { snapshot = try await catalog.look() } catch { throw APIError(reading: error) }
    let own = catalog.reader.ownOperations
    return await withTaskExecutorPreference(globalConcurrentExecutor) { [snapshot] in
      .json(.object(OperationList(own: own, snapshot).json))
    }
  }
}

/// The operations of the API and of live workers.
private struct OperationList {
  private struct Variant {
    let schema: ParameterSchema
    let isOwn: Bool
    var workers: Int
  }

  private var operations: [String: [Variant]]

  init(own: [String: ParameterSchema], _ snapshot: OperationCatalog.Snapshot) {
    operations = own.mapValues { [Variant(schema: $0, isOwn: true, workers: 0)] }
    var counts: [String: Int] = [:]
    for worker in snapshot.workers { counts[worker.announcement?.abilities ?? "", default: 0] += 1 }
    for (digest, abilities) in snapshot.abilities.sorted(by: { $0.key < $1.key }) {
      for (name, schema) in abilities.operations { add(name, schema, counts[digest] ?? 0) }
    }
  }

  private mutating func add(_ name: String, _ schema: ParameterSchema, _ workers: Int) {
    let known = operations[name, default: []].firstIndex { variant in
      variant.isOwn ? variant.schema.isAnnounced(as: schema) : variant.schema == schema
    }
    if let known {
      operations[name, default: []][known].workers += workers
    } else {
      operations[name, default: []].append(Variant(schema: schema, isOwn: false, workers: workers))
    }
  }

  var json: JSONObject {
    let list = operations.sorted { $0.key < $1.key }.map { JSONValue.object(Self.json($0.key, $0.value)) }
    return ["operations": .array(list), "components": ["schemas": .object(WorkflowSchema.values)]]
  }

  private static func json(_ name: String, _ variants: [Variant]) -> JSONObject {
    var operation: JSONObject = [
      "op": .string(name), "workers": .number(JSONNumber(variants.reduce(0) { $0 + $1.workers })),
      "in_api": .bool(variants.contains(where: \.isOwn)), "params": .object(variants[0].schema.schema),
    ]
    if variants.count > 1 { operation["variants"] = .array(variants.map { .object(json($0)) }) }
    return operation
  }

  private static func json(_ variant: Variant) -> JSONObject {
    [
      "workers": .number(JSONNumber(variant.workers)), "in_api": .bool(variant.isOwn),
      "params": .object(variant.schema.schema),
    ]
  }
}
