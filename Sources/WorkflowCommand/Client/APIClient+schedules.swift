import Curl
import ExactJSON

extension APIClient {
  /// All schedules.
  func schedules() async throws -> JSONObject { try await send("GET", "/workflow/schedules") }

  /// One schedule.
  func schedule(_ name: String) async throws -> JSONObject { try await send("GET", path(of: name)) }

  /// Makes a schedule, or replaces the one of its name.
  /// - Returns: the schedule.
  func putSchedule(_ name: String, _ body: [UInt8]) async throws -> JSONObject {
    try await send("PUT", path(of: name), headers: [("Content-Type", "application/json")], body: body)
  }

  /// Removes a schedule.
  func deleteSchedule(_ name: String) async throws { _ = try await send("DELETE", path(of: name)) }

  private func path(of name: String) -> String { "/workflow/schedules/" + APIClient.escaped(name) }
}
