import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// What the routes of stores share.
enum Stores {
  /// Characters that a name may have; `store_result` takes no longer one.
  static let longestName = 200

  /// The store of a request.
  /// - Parameter argument: its name as the path has it, percent-encoded.
  /// - Throws: a 404 when no store can have the name.
  static func name(
    _ argument: String, _ request: FastCGIRequest, _ context: RequestContext
  ) throws(APIError) -> StoreName {
    let owner = try context.owner(request, of: "stores")
    let bytes = PercentEncoding.decoded(argument, plusIsBlank: false)
    guard let name = String(validating: bytes, as: UTF8.self), name.unicodeScalars.count <= longestName else {
      throw .noStore(argument)
    }
    return StoreName(name, of: owner)
  }
}

/// `GET /workflow/stores/{namespace}`: the values that steps have stored, the newest first.
///
/// What fits into 64 KiB is read over the connection for small documents, as a short run is; more goes over the one for
/// large documents, so that no other request waits for it.
struct StoreRoute: Route {
  let method = "GET"
  let pattern = ["workflow", "stores", "*"]
  let partitions: Partitions
  /// The partitions on the connection for large documents.
  let documents: Partitions
  let quotas: Quotas

  /// Bytes of values on one page; a single value may have more.
  static let pageBytes = 4 << 20

  private static let limit = QueryParameter(
    name: "limit", range: 1...1_000, meaning: "values at most", defaultValue: 100)

  var documentation: RouteDocumentation {
    let pattern = StoreCursor.pattern(partitions: partitions.count)
    let cursor = RouteDocumentation.Parameter(
      name: "cursor", place: .query, schema: ["type": "string", "pattern": .string(pattern)],
      meaning: "where the page begins: `next` of the page before")
    return RouteDocumentation(
      id: "getStore", summary: "The values of a store, the newest first",
      description: """
        A page may have fewer values than `limit` although more follow; the last page has `next: null`. Values that are \
        stored while somebody reads page by page are not on the pages that follow.
        """,
      parameters: [.namespace, Self.limit.documentation, cursor, .owner(of: "store")],
      answers: [.json(200, "Store", "A page of the values."), .noStore, .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let name = try Stores.name(argument, request, context)
    context.note("store", name.namespace.cut(toBytes: 100))
    let query = QueryItems(request)
    let limit = try query.integer(Self.limit) ?? 100
    var reading = StoreReading(name, from: try cursor(query), limit: limit, partitions: partitions.count)
    let count = try await partitions.reading { partitions throws(StoreError) in try await partitions.values(of: name) }
    guard count > 0 else { throw .noStore(argument) }
    var (share, _) = try quotas.document(Quotas.smallDocument)
    try await read(&reading, partitions, room: Quotas.smallDocument, isForced: false)
    if reading.left > 0 {
      (share, _) = try quotas.document(max(Self.pageBytes, reading.left))
      try await read(&reading, documents, room: Self.pageBytes, isForced: true)
    }
    var response = FastCGIResponse.json(bytes: await body(of: StoreDocument(name, reading, count: count)))
    response.holding = share
    return response
  }

  private func cursor(_ query: QueryItems) throws(APIError) -> StoreCursor? {
    let given = query.decoded.last { $0.name.hasSameScalars(as: "cursor") }?.value
    guard let given else { return nil }
    if let cursor = StoreCursor(given, partitions: partitions.count) { return cursor }
    throw .invalid([
      ValidationFault(
        "value_error", [.key("query"), .key("cursor")],
        "Value error, it is no cursor: `next` of the page before is expected", input: .string(given))
    ])
  }

  private func read(
    _ reading: inout StoreReading, _ partitions: Partitions, room: Int, isForced: Bool
  ) async throws(APIError) {
    do { try await reading.read(partitions, room: room, isForced: isForced) } catch { throw APIError(reading: error) }
  }

  /// Renders the page; a large one in the global pool.
  private func body(of document: StoreDocument) async -> [UInt8] {
    if document.size <= Quotas.smallDocument { return document.bytes }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { document.bytes }
  }
}

/// `DELETE /workflow/stores/{namespace}`: removes a store with all its values; the results of runs keep theirs.
struct DeleteStoreRoute: Route {
  let method = "DELETE"
  let pattern = ["workflow", "stores", "*"]
  let partitions: Partitions
  /// Refuses submissions until Redis has said how many partitions its data have; these requests are refused with them.
  let submissions: GroupSubmit

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "deleteStore", summary: "Removes a store with all its values",
      description: "The results of runs keep what they have stored. A run that stores later creates the store again.",
      parameters: [.namespace, .owner(of: "store")],
      answers: [.empty(204, "It is removed."), .noStore, .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let name = try Stores.name(argument, request, context)
    context.note("store", name.namespace.cut(toBytes: 100))
    let wasThere: Bool
    do {
      try submissions.checkHold()
      wasThere = try await partitions.removeStore(name)
    } catch {
      throw APIError(repeatable: error)
    }
    guard wasThere else { throw .noStore(argument) }
    return FastCGIResponse(status: 204, headers: [("Cache-Control", "no-store")])
  }
}

extension APIError {
  /// The 404 for a store that is not there.
  /// - Parameter argument: its name as the path has it.
  static func noStore(_ argument: String) -> Self {
    .notFound("there is no store \(argument.cut(toBytes: 200)), or it has expired")
  }
}

extension RouteDocumentation.Parameter {
  /// The parameter of the path that names a store.
  fileprivate static let namespace = Self(
    name: "namespace", place: .path, schema: ["type": "string", "maxLength": .number(JSONNumber(Stores.longestName))],
    meaning: "the `namespace` of the steps that have stored the values, percent-encoded", isRequired: true)
}

extension RouteDocumentation.Answer {
  /// 404 where there is no such store.
  fileprivate static let noStore = json(404, "Error", "There is no store of this name, or it has expired.")
}
