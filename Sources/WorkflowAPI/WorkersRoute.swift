import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/workers`: the live workers.
struct WorkersRoute: Route {
  let method = "GET"
  let pattern = ["status", "workers"]
  let catalog: OperationCatalog

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listWorkers", summary: "The live workers",
      answers: [.json(200, "Workers", "The workers, by name.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let snapshot: OperationCatalog.Snapshot
    do { snapshot = try await catalog.look() } catch { throw APIError(reading: error) }
    // A thousand workers take longer than the thread of a connection has.
    return await withTaskExecutorPreference(globalConcurrentExecutor) { [snapshot] in
      let workers = snapshot.workers.sorted { $0.id < $1.id }.map { worker in
        JSONValue.object(WorkerDocument(worker, snapshot.now, snapshot.abilities).json)
      }
      return .json(["workers": .array(workers)])
    }
  }
}

/// One worker, as the API shows it.
struct WorkerDocument {
  /// Names of operations that are shown; a list of a thousand workers must not grow beyond all bounds.
  private static let mostNames = 100

  let json: JSONObject

  /// - Parameters:
  ///   - now: Redis's clock.
  ///   - abilities: what workers announce, by digest.
  init(_ worker: LiveWorker, _ now: Timestamp, _ abilities: [String: WorkerAbilities]) {
    guard let known = worker.announcement else {
      let unknown = ["host", "pid", "version", "since_ts", "age_s", "runs", "slots", "operations", "state"]
      json = JSONObject([("id", .string(worker.id))] + unknown.map { ($0, .null) })
      return
    }
    let names = abilities[known.abilities]?.operations.keys.sorted()
    var worker: JSONObject = [
      "id": .string(worker.id), "host": .string(known.facts.host),
      "pid": .number(JSONNumber(known.facts.processID)), "version": .string(known.facts.version),
      "since_ts": JSONNumber(text: known.since.text).map(JSONValue.number) ?? .null,
      "age_s": .number(JSONNumber(max(0, Int((now - known.since).components.seconds)))),
      "runs": .number(JSONNumber(known.runs)), "slots": .number(JSONNumber(known.facts.slots)),
      "operations": names.map { .array($0.prefix(Self.mostNames).map(JSONValue.string)) } ?? .null,
      "state": .string(known.state.rawValue),
    ]
    if let names, names.count > Self.mostNames {
      worker["operations_omitted"] = .number(JSONNumber(names.count - Self.mostNames))
    }
    json = worker
  }
}

/// `POST` and `DELETE /workflow/workers/{id}/drain`: whether a worker takes runs.
struct DrainRoute: Route {
  /// Whether the worker is to take no runs.
  let isDraining: Bool
  let partitions: Partitions
  let catalog: OperationCatalog

  /// What ids look like; any other is a 404.
  private static let idPattern = "^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$"

  var method: String { isDraining ? "POST" : "DELETE" }
  let pattern = ["workflow", "workers", "*", "drain"]

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: isDraining ? "drainWorker" : "undrainWorker",
      summary: isDraining ? "Lets a worker take no more runs" : "Lets a drained worker take runs again",
      description: isDraining ? "It finishes the runs that it has, and stays alive until it is restarted." : "",
      parameters: [
        .init(
          name: "id", place: .path, schema: ["type": "string", "pattern": .string(Self.idPattern)],
          meaning: "the id of the worker", isRequired: true)
      ],
      answers: [
        .json(200, "Worker", "The worker; what was so before stays so. With keys only for the role admin."),
        .json(404, "Error", "There is no live worker of this id."),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    guard context.scope == nil else { throw .forbidden("workers serve all names; to drain one needs the role admin") }
    let id = Self.decoded(argument)
    context.note("worker", id.cut(toBytes: 200))
    let store = partitions.home
    do {
      if try await store.setDraining(isDraining, worker: id) {
        let (worker, now) = try await store.liveWorker(id)
        let abilities = catalog.abilities
        if let worker { return .json(.object(WorkerDocument(worker, now, abilities).json)) }
      }
    } catch {
      throw APIError(repeatable: error)
    }
    throw .notFound(
      "there is no live worker \(id.cut(toBytes: 200)) that can be drained; GET /status/workers lists them")
  }

  /// A segment of a path without percent-encoding.
  private static func decoded(_ segment: String) -> String {
    var bytes: [UInt8] = []
    var rest = segment.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(Substring(digits), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
