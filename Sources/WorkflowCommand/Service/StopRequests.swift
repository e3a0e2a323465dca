/// Counts what asks a process to stop: the signals of one moment have one cause, and are one request.
///
/// `timeout` (GNU coreutils) signals its child and then the child's process group, so that the child gets the signal
/// twice; a terminal that closes sends SIGHUP, and its shell may send it too.
struct StopRequests {
  /// How long after a request further signals belong to it.
  private static let moment = Duration.milliseconds(500)

  private(set) var count = 0
  private var last: ContinuousClock.Instant?

  /// Takes a signal.
  /// - Returns: whether it is a request that was not counted before.
  mutating func take(at now: ContinuousClock.Instant = .now) -> Bool {
    if let last, now < last + StopRequests.moment { return false }
    last = now
    count += 1
    return true
  }
}
