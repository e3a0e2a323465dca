import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// Finds the route of a request: by the path, compared byte by byte, then by the method.
struct Router: Sendable {
  /// A route with the bytes of its pattern, and whether a run's id is in its path.
  private let routes: [(route: any Route, pattern: [[UInt8]], isOfRun: Bool)]
  private let partitions: Partitions?

  /// - Parameter partitions: have the owners of runs; nil where there are no runs.
  init(_ routes: [any Route], partitions: Partitions? = nil) {
    self.routes = routes.map { route in
      let isOfRun = route.documentation.parameters.contains {
        $0.place == .path && $0.name == RouteDocumentation.Parameter.jobID.name
      }
      return (route, route.pattern.map { Array($0.utf8) }, isOfRun)
    }
    self.partitions = partitions
  }

  /// Notes the route of a request that is answered by a page.
  func note(_ request: FastCGIRequest, _ context: RequestContext) {
    let segments = Self.segments(request)
    let method = Self.method(request)
    let number = routes.firstIndex { route, pattern, _ in
      method.hasSameScalars(as: route.method) && Self.match(segments, pattern) != nil
    }
    if let number { context.noteRoute(number) }
  }

  private static func segments(_ request: FastCGIRequest) -> [ArraySlice<UInt8>] {
    Array(request.path.utf8).dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  }

  /// HEAD is answered like GET; the FastCGI server omits the body.
  private static func method(_ request: FastCGIRequest) -> String {
    request.method.hasSameScalars(as: "HEAD") ? "GET" : request.method
  }

  /// Answers a request.
  /// - Throws: `notFound`, `methodNotAllowed`, `forbidden`, or the error of the route.
  func answer(_ request: FastCGIRequest, _ context: RequestContext) async throws(APIError) -> FastCGIResponse {
    let segments = Self.segments(request)
    let method = Self.method(request)
    var allowed: [String] = []
    for (number, (route, pattern, isOfRun)) in routes.enumerated() {
      guard let argument = Self.match(segments, pattern) else { continue }
      if method.hasSameScalars(as: route.method) {
        context.noteRoute(number)
        guard route.method == "GET" || context.mayChange else {
          throw .forbidden("this key may only read (its role is read); \(route.method) needs the role user or admin")
        }
        if route.method == "PUT" || route.method == "DELETE" { try checkQuery(request, of: route) }
        if isOfRun { try await checkOwner(of: argument, context) }
        return try await route.answer(request, argument: argument, context)
      }
      if !allowed.contains(route.method) { allowed += route.method == "GET" ? ["GET", "HEAD"] : [route.method] }
    }
    guard allowed.isEmpty else { throw .methodNotAllowed(allow: allowed) }
    throw .notFound(Self.notFound(String(decoding: segments.first ?? [], as: UTF8.self)))
  }

  /// Refuses parameters that are not known: with a misspelt `owner` a request would mean another's store or schedule.
  private func checkQuery(_ request: FastCGIRequest, of route: any Route) throws(APIError) {
    let known = route.documentation.parameters.filter { $0.place == .query }.map(\.name)
    let faults = QueryItems(request).decoded.filter { item in !known.contains { $0.hasSameScalars(as: item.name) } }
    guard faults.isEmpty else {
      throw .invalid(
        faults.prefix(50).map { item in
          ValidationFault(
            "extra_forbidden", [.key("query"), .key(item.name)], "there is no such parameter",
            input: .string(item.value))
        })
    }
  }

  /// Refuses a run of another name as one that is not there. It is done here, for all routes of runs, because each of
  /// them would answer something else.
  func checkOwner(of argument: String, _ context: RequestContext) async throws(APIError) {
    guard context.scope != nil, let partitions, let id = JobID(argument) else { return }
    let owner = try await partitions.store(of: id).reading { store throws(StoreError) in try await store.owner(of: id) }
    guard context.maySee(runOf: owner) else {
      context.note("job", id.description)
      throw .noJob(id)
    }
  }

  /// The segment that matches `*`, or the empty string; nil if the path does not match.
  private static func match(_ segments: [ArraySlice<UInt8>], _ pattern: [[UInt8]]) -> String? {
    guard segments.count == pattern.count else { return nil }
    var argument: ArraySlice<UInt8> = []
    for (segment, wanted) in zip(segments, pattern) {
      if wanted == [UInt8(ascii: "*")] {
        argument = segment
      } else if segment != wanted[...] {
        return nil
      }
    }
    return String(decoding: argument, as: UTF8.self)
  }

  private static func notFound(_ start: String) -> String {
    if start.hasSameScalars(as: "workflow") {
      return """
        Not Found; workflows are posted to /workflow/run, without a slash at the end, schedules are at \
        /workflow/schedules/{name}, stores at /workflow/stores/{namespace}, and workers are drained at \
        /workflow/workers/{id}/drain
        """
    }
    guard start.hasSameScalars(as: "status") else {
      return "Not Found; runs are submitted by POST /workflow/run and listed at /status"
    }
    return "Not Found; the status of a run is at /status/{id} and its events at /status/{id}/events"
  }
}

/// One path of the API.
protocol Route: Sendable {
  /// The method; GET includes HEAD.
  var method: String { get }
  /// The path: literal segments, and at most one `*`, which matches any segment.
  var pattern: [String] { get }
  /// What the OpenAPI document says of it.
  var documentation: RouteDocumentation { get }
  /// Answers a request that matches path and method.
  /// - Parameter argument: the segment that matches `*`, or the empty string.
  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse
}
