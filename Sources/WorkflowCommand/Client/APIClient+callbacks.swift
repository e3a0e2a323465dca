import ExactJSON

extension APIClient {
  /// A page of the callbacks that wait, or that were given up.
  /// - Parameter cursor: where the page begins.
  func callbacks(dead: Bool, limit: Int, after cursor: String?) async throws -> JSONObject {
    let start = cursor.map { "&after=\(APIClient.escaped($0))" } ?? ""
    return try await send("GET", "/status/callbacks?dead=\(dead ? 1 : 0)&limit=\(limit)\(start)")
  }

  /// One callback.
  func callback(_ id: String) async throws -> JSONObject {
    try await send("GET", "/status/callbacks/\(APIClient.escaped(id))")
  }

  /// Has a callback sent again.
  func retryCallback(_ id: String) async throws -> JSONObject {
    try await send("POST", "/workflow/callbacks/\(APIClient.escaped(id))/retry")
  }

  /// Has dead callbacks sent again.
  /// - Returns: how many, and how many are left.
  func retryDeadCallbacks() async throws -> (count: Int, left: Int) {
    let answer = try await send("POST", "/workflow/callbacks/retry")
    return (answer["retried"]?.numberValue?.int ?? 0, answer["left"]?.numberValue?.int ?? 0)
  }
}
