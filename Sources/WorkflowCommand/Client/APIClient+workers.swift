import Curl
import ExactJSON

extension APIClient {
  /// All live workers.
  func workers() async throws -> JSONObject { try await send("GET", "/status/workers") }

  /// Says whether a worker takes runs.
  /// - Returns: the worker.
  func drain(_ worker: String, isUndone: Bool) async throws -> JSONObject {
    try await send(isUndone ? "DELETE" : "POST", "/workflow/workers/\(APIClient.escaped(worker))/drain")
  }
}
