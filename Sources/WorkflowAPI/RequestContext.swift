import AccessKeys
import ExactJSON
import FastCGI
import Logging
import Synchronization
import WorkflowStore

/// The context of one request: its id, who asks, and the metadata of its log line.
final class RequestContext: Sendable {
  /// nginx's `$request_id`, or a random id in the same format.
  let requestID: String
  private let keys: KeyRing?
  private let notes = Mutex<[(key: String, value: String)]>([])
  private let caller = Mutex<AccessKey?>(nil)
  /// -1 where there is none.
  private let routeNumber = Atomic(-1)
  private let isWaiting = Atomic(false)

  /// - Parameter keys: the keys in force; nil where requests need none.
  init(_ request: FastCGIRequest, keys: KeyRing? = nil) {
    self.keys = keys
    requestID = request.parameter("REQUEST_ID").flatMap(Self.usable) ?? Self.random()
  }

  /// The key of the request; nil where requests need none.
  var key: AccessKey? { caller.withLock { $0 } }

  /// Whose runs and schedules the request makes; nil without keys.
  var owner: String? { key?.name }

  /// Whose runs and schedules the request sees; nil for everybody's.
  var scope: String? { key.flatMap { $0.role == .admin ? nil : $0.name } }

  /// Whether the request sees the runs of a name; nil for runs without one.
  func maySee(runOf owner: String?) -> Bool { scope.map { owner?.hasSameScalars(as: $0) == true } ?? true }

  /// Whether the request may change anything.
  var mayChange: Bool { key?.role != .read }

  /// Notes whose request it is.
  func identify(_ key: AccessKey) {
    caller.withLock { $0 = key }
    note("name", key.name)
    note("role", key.role.rawValue)
  }

  /// The number of the request's route; nil where no route has its path and method.
  var route: Int? {
    let number = routeNumber.load(ordering: .relaxed)
    return number < 0 ? nil : number
  }

  /// Whether the answer has waited for something that the client wants to wait for.
  var hasWaited: Bool { isWaiting.load(ordering: .relaxed) }

  /// Notes the number of the request's route. The first one counts: a page asks other routes for what it shows.
  func noteRoute(_ number: Int) {
    _ = routeNumber.compareExchange(expected: -1, desired: number, ordering: .relaxed)
  }

  /// Notes that the answer waits for something that the client wants to wait for.
  func noteWait() { isWaiting.store(true, ordering: .relaxed) }

  /// Does what takes long, and cancels it when the key of the request is revoked.
  /// - Returns: its outcome; nil if it was cancelled.
  func whileAllowed<Outcome: Sendable>(_ work: @escaping @Sendable () async -> Outcome?) async -> Outcome? {
    guard let keys, let key else { return await work() }
    return await withTaskGroup(of: Outcome?.self) { group in
      group.addTask { await work() }
      group.addTask {
        await keys.untilRevoked(key)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }

  /// Throws when the key of the request has been revoked meanwhile.
  func checkKey() throws(APIError) { if let keys, let key, !keys.isInForce(key) { throw .unknownKey } }

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
