import FastCGI
import Logging
import Synchronization
import WorkflowStore

/// The context of one request: its id and the metadata of its log line.
final class RequestContext: Sendable {
  /// nginx's `$request_id`, or a random id in the same format.
  let requestID: String
  private let noted = Mutex<Logger.Metadata>([:])

  init(_ request: FastCGIRequest) {
    requestID = request.parameter("REQUEST_ID").flatMap(Self.usable) ?? Self.random()
  }

  /// Adds a value to the log line of the request.
  func note(_ key: String, _ value: String) { noted.withLock { $0[key] = .string(value) } }

  /// The values for the log line.
  var metadata: Logger.Metadata { noted.withLock { $0 } }

  private static func usable(_ text: String) -> String? {
    let isPlain = text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    return isPlain && (1...128).contains(text.utf8.count) ? text : nil
  }

  private static func random() -> String { JobID().description.filter { $0 != "-" } }
}
