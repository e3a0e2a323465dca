import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/callbacks`: the callbacks that wait, or those that were given up.
struct CallbackListRoute: Route {
  let method = "GET"
  let pattern = ["status", "callbacks"]
  let partitions: Partitions

  private static let dead = QueryParameter(
    name: "dead", range: 0...1, meaning: "1: the callbacks that were given up", defaultValue: 0)
  private static let limit = QueryParameter(
    name: "limit", range: 1...500, meaning: "callbacks at most", defaultValue: 100)
  private static let after = RouteDocumentation.Parameter(
    name: "after", place: .query, schema: ["type": "string", "pattern": .string(CallbackCursor.pattern)],
    meaning: "where the page begins: `next` of the page before")

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listCallbacks", summary: "The callbacks that wait, or those that were given up",
      parameters: [Self.dead.documentation, Self.limit.documentation, Self.after],
      answers: [.json(200, "Callbacks", "The callbacks."), .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let query = QueryItems(request)
    let isDead = try query.integer(Self.dead) == 1
    let limit = try query.integer(Self.limit) ?? 100
    let cursor = try Self.cursor(query)
    let page = try await partitions.reading { partitions throws(StoreError) in
      try await partitions.callbacks(dead: isDead, of: context.scope, after: cursor, limit: limit)
    }
    return .json([
      "callbacks": .array(page.callbacks.map(CallbackDocument.json)),
      "next": page.end.map { .string("\($0)") } ?? .null,
    ])
  }

  private static func cursor(_ query: QueryItems) throws(APIError) -> CallbackCursor? {
    guard let text = query.text(after.name) else { return nil }
    if let cursor = CallbackCursor(text) { return cursor }
    throw .invalid([
      ValidationFault(
        "value_error", [.key("query"), .key(after.name)],
        "Value error, it is no cursor: `next` of the page before is expected", input: .string(text))
    ])
  }
}

/// `GET /status/callbacks/{id}`: one callback.
struct CallbackRoute: Route {
  let method = "GET"
  let pattern = ["status", "callbacks", "*"]
  let partitions: Partitions

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getCallback", summary: "One callback, delivered or not", parameters: [.callbackID],
      answers: [.json(200, "Callback", "The callback."), .noCallback])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    .json(CallbackDocument.json(try await partitions.callback(argument, context)))
  }
}

extension Partitions {
  /// The callback of an id.
  /// - Throws: a 404 when there is none, and when it is another name's.
  fileprivate func callback(_ id: String, _ context: RequestContext) async throws(APIError) -> StoredCallback {
    guard let store = store(ofCallback: id) else { throw .noCallback(id) }
    let callback = try await store.reading { store throws(StoreError) in try await store.callback(id) }
    guard let callback, context.maySee(runOf: callback.owner) else { throw .noCallback(id) }
    return callback
  }
}

/// What the routes share that have callbacks sent again.
struct CallbackRecalls: Sendable {
  let partitions: Partitions
  /// Refuses submissions until Redis has said how many partitions its data have; these requests are refused with them.
  let submissions: GroupSubmit

  /// Dead callbacks that one request has sent again, in each partition.
  static let most = 1_000

  /// Has one callback sent again.
  func recall(_ id: String) async throws(APIError) -> (outcome: CallbackRecall, callback: StoredCallback?) {
    guard let store = partitions.store(ofCallback: id) else { return (.unknown, nil) }
    do {
      try submissions.checkHold()
      let outcome = try await store.recallCallback(id)
      return (outcome, try await store.callback(id))
    } catch {
      throw APIError(repeatable: error)
    }
  }

  /// Has dead callbacks sent again.
  /// - Parameter owner: whose; nil for everybody's.
  func recallDead(of owner: String?) async throws(APIError) -> (count: Int, left: Int) {
    do {
      try submissions.checkHold()
      if let owner { return try await partitions.recallDeadCallbacks(of: owner, limit: Self.most) }
      return try await partitions.recallDeadCallbacks(limit: Self.most)
    } catch {
      throw APIError(repeatable: error)
    }
  }
}

/// `POST /workflow/callbacks/{id}/retry`: sends a callback again, whatever has become of it.
struct RetryCallbackRoute: Route {
  let method = "POST"
  let pattern = ["workflow", "callbacks", "*", "retry"]
  let callbacks: CallbackRecalls

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "retryCallback", summary: "Sends a callback again, from its first attempt on",
      description: "One that waits is sent at once; one that was delivered is sent once more, with the same id.",
      parameters: [.callbackID],
      answers: [
        .json(202, "Callback", "It is sent."), .noCallback,
        .json(409, "Error", "It is being sent at this moment."),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    context.note("callback", argument.cut(toBytes: 100))
    if context.scope != nil { _ = try await callbacks.partitions.callback(argument, context) }
    let (outcome, callback) = try await callbacks.recall(argument)
    if outcome == .busy { throw .full("this callback is being sent at this moment; look at it again in a minute") }
    guard outcome == .recalled, let callback else { throw .noCallback(argument) }
    return .json(status: 202, CallbackDocument.json(callback))
  }
}

/// `POST /workflow/callbacks/retry`: sends dead callbacks again.
struct RetryDeadCallbacksRoute: Route {
  let method = "POST"
  let pattern = ["workflow", "callbacks", "retry"]
  let callbacks: CallbackRecalls

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "retryDeadCallbacks", summary: "Sends callbacks again that were given up, the newest first",
      answers: [.json(202, "RetriedCallbacks", "They are sent.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let (count, left) = try await callbacks.recallDead(of: context.scope)
    return .json(status: 202, ["retried": .number(JSONNumber(count)), "left": .number(JSONNumber(left))])
  }
}

extension APIError {
  /// The 404 for a callback that is not there.
  static func noCallback(_ id: String) -> Self {
    .notFound("there is no callback \(id.cut(toBytes: 100)), or it has expired")
  }
}
