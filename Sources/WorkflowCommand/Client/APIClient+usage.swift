import Curl
import ExactJSON

extension APIClient {
  /// What calls of models have used in the last days.
  func usage(days: Int) async throws -> JSONObject { try await send("GET", "/status/usage?days=\(days)") }
}
