import Curl
import ExactJSON

extension APIClient {
  /// All schedules.
  func schedules() async throws -> JSONObject { try await send("GET", "/workflow/schedules") }

  /// One schedule.
  /// - Parameter owner: whose it is; nil: that of the key.
  func schedule(_ name: String, of owner: String?) async throws -> JSONObject {
    try await send("GET", path(of: name, owner))
  }

  /// Makes a schedule, or replaces the one of its name.
  /// - Returns: the schedule.
  func putSchedule(_ name: String, of owner: String?, _ body: [UInt8]) async throws -> JSONObject {
    try await send("PUT", path(of: name, owner), headers: [("Content-Type", "application/json")], body: body)
  }

  /// Removes a schedule.
  func deleteSchedule(_ name: String, of owner: String?) async throws {
    _ = try await send("DELETE", path(of: name, owner))
  }

  private func path(of name: String, _ owner: String?) -> String {
    "/workflow/schedules/" + APIClient.escaped(name) + (owner.map { "?owner=" + APIClient.escaped($0) } ?? "")
  }
}
