import FastCGI
import Logging
import Synchronization
import WorkflowStore

/// The context of one request: its id and the metadata of its log line.
final class RequestContext: Sendable {
  /// nginx's `$request_id`, or a random id in the same format.
  let requestID: String
  private let notes = Mutex<[(key: String, value: String)]>([])

  init(_ request: FastCGIRequest) {
    requestID = request.parameter("REQUEST_ID").flatMap(Self.usable) ?? Self.random()
  }

  /// Adds a value to the log line of the request.
  func note(_ key: String, _ value: String) { notes.withLock { $0.append((key, value)) } }

  /// The values for the log line.
  var metadata: Logger.Metadata {
    Logger.Metadata(
      notes.withLock { $0 }.map { ($0.key, .string($0.value)) }, uniquingKeysWith: { _, latest in latest })
  }

  private static func usable(_ text: String) -> String? {
    let isUsable = text.utf8.span.withUnsafeBufferPointer { bytes in
      (1...128).contains(bytes.count) && bytes.allSatisfy { (0x21...0x7e).contains($0) }
    }
    return isUsable ? text : nil
  }

  private static func random() -> String { JobID().description.filter { $0 != "-" } }
}
