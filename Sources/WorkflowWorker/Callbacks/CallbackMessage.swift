import Curl
import ExactJSON
import Scheduling
import WorkflowStore

/// The request that reports the end of a run: the same body in every attempt.
struct CallbackMessage {
  /// JSON: type, time and data of the event; not the documents of the run.
  let body: [UInt8]
  private let id: String

  /// - Parameter site: what the path of the status is put behind.
  init(_ callback: StoredCallback, site: String) {
    id = callback.id
    var data: JSONObject = [
      "job_id": .string(callback.job), "run_name": .string(callback.runName), "status": .string(callback.status),
      "status_url": .string("\(site)/status/\(callback.job)"),
      "finished_ts": JSONNumber(text: callback.finishedAt).map(JSONValue.number) ?? .null,
    ]
    if let code = callback.errorCode { data["error_code"] = .string(code) }
    if let error = callback.error { data["error"] = .string(error) }
    if let labels = callback.labels.flatMap({ try? JSONValue(parsing: Array($0.utf8)) }) { data["labels"] = labels }
    body =
      JSONValue.object([
        "type": .string("run.\(callback.status)"), "timestamp": .string(Self.time(callback.finishedAt)),
        "data": .object(data),
      ]).bytes
  }

  /// The headers of an attempt.
  /// - Parameter timestamp: the time of the attempt, in seconds since 1970.
  func headers(_ secrets: CallbackSecrets, at timestamp: Int) -> [HTTPHeader] {
    [
      ("Content-Type", "application/json"), ("webhook-id", id), ("webhook-timestamp", "\(timestamp)"),
      ("webhook-signature", secrets.signature(id: id, timestamp: timestamp, body: body)),
    ]
  }

  /// Seconds with six decimals as ISO 8601.
  private static func time(_ text: String) -> String {
    let parts = text.split(separator: ".")
    let clock = TimeZoneData.utc.text(of: parts.first.flatMap { Int($0) } ?? 0).prefix(19)
    return "\(clock)\(parts.count == 2 ? ".\(parts[1])" : "")Z"
  }
}
