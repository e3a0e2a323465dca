import Glibc
import LinuxSupport
import WorkflowStore

/// Ends the waits of a thread permanently.
///
/// On Linux the timeout of a semaphore or a condition variable is a time of the wall clock: a step of that clock can
/// make a wait hours too long. The timeout of `poll` is a duration.
final class StopSignal: Sendable {
  private let reading: Int32
  private let writing: Int32

  init() {
    var pair: [Int32] = [-1, -1]
    let code = pipe(&pair)
    precondition(code == 0, "a stop signal needs a pipe: \(String(cString: strerror(errno)))")
    (reading, writing) = (pair[0], pair[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  /// Ends the current wait and every later one.
  func raise() {
    var byte: UInt8 = 0
    write(writing, &byte, 1)
  }

  /// Blocks the thread until an instant or until the signal is raised.
  /// - Returns: whether the signal was raised.
  func wait(until end: ContinuousClock.Instant) -> Bool {
    var entry = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    while true {
      let left = max(0, (end - .now).milliseconds)
      if poll(&entry, 1, Int32(clamping: left)) > 0 { return true }
      if ContinuousClock.now + .milliseconds(1) > end { return false }
    }
  }
}
