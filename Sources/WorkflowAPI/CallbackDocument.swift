import ExactJSON
import WorkflowStore

/// Renders a callback as JSON.
enum CallbackDocument {
  static func json(_ callback: StoredCallback) -> JSONValue {
    var object: JSONObject = [
      "id": .string(callback.id), "job_id": .string(callback.job), "url": .string(shown(callback.url)),
      "type": .string("run.\(callback.status)"), "state": .string(callback.state.rawValue),
      "attempts": .number(JSONNumber(callback.attempts)), "created_ts": time(callback.createdAt),
      "last_ts": time(callback.lastAttemptAt), "next_ts": time(callback.due.map(seconds)),
      "delivered_ts": time(callback.deliveredAt), "dead_ts": time(callback.deadAt),
    ]
    if let owner = callback.owner { object["owner"] = .string(owner) }
    if let status = callback.lastStatus { object["last_status"] = .number(JSONNumber(status)) }
    if let error = callback.lastError { object["last_error"] = .string(error) }
    return .object(object)
  }

  private static func time(_ text: String?) -> JSONValue {
    text.flatMap { JSONNumber(text: $0) }.map(JSONValue.number) ?? .null
  }

  /// Milliseconds as seconds.
  private static func seconds(_ milliseconds: Int) -> String {
    let rest = String(milliseconds % 1_000 + 1_000).dropFirst()
    return "\(milliseconds / 1_000).\(rest)"
  }

  /// A URL without the values of its query, which may be secret.
  static func shown(_ url: String) -> String {
    guard let query = url.firstIndex(of: "?") else { return url }
    let names = url[query...].dropFirst().split(separator: "&").map { pair in
      let name: Substring = pair.prefix { $0 != "=" }
      return name.count < pair.count ? "\(name)=***" : "***"
    }
    return url[...query] + names.joined(separator: "&")
  }
}
