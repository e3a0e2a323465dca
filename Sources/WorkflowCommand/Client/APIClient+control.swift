import Curl
import ExactJSON

extension APIClient {
  /// Steers a run.
  /// - Parameter verb: the last segment of the path, such as `cancel`.
  func control(_ verb: String, _ job: String, _ body: JSONObject? = nil) async throws -> JSONObject {
    try await send(
      "POST", "/workflow/\(APIClient.escaped(job))/\(verb)",
      headers: body == nil ? [] : [("Content-Type", "application/json")], body: body.map { JSONValue.object($0).bytes })
  }
}

extension APIClient {
  /// Reads a page of runs.
  func runs(_ filter: [(name: String, value: String)], limit: Int, cursor: String? = nil) async throws -> JSONObject {
    try await send("GET", "/status?" + APIClient.query(filter, limit: limit, cursor: cursor))
  }

  /// How many runs there are.
  func counts() async throws -> JSONObject { try await send("GET", "/status/counts") }

  /// Steers a page of runs that a filter means.
  func controlAll(
    _ verb: String, _ filter: [(name: String, value: String)], limit: Int, cursor: String? = nil
  ) async throws -> JSONObject {
    try await send("POST", "/workflow/runs/\(verb)?" + APIClient.query(filter, limit: limit, cursor: cursor))
  }

  private static func query(_ filter: [(name: String, value: String)], limit: Int, cursor: String?) -> String {
    let items = filter + [("limit", "\(limit)")] + (cursor.map { [("cursor", $0)] } ?? [])
    return items.map { "\($0.name)=\(escaped($0.value))" }.joined(separator: "&")
  }
}
