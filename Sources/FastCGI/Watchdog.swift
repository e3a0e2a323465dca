import LinuxSupport
import Logging

/// Cuts off peers whose time is over, and helps a reactor that such peers hold up.
struct Watchdog: Sendable {
  /// Whose deadlines are watched.
  let table: ConnectionTable
  /// Relieved at every look.
  let reactor: Reactor
  /// Resumed in case nobody else has.
  let acceptor: Acceptor
  /// Ends the thread.
  let stopped: Waker
  /// Told how many were cut off.
  let logger: Logger
  /// From one look to the next, in milliseconds.
  let interval: Int32

  /// Looks often enough to be late by a twentieth of the shorter timeout, or 250 ms.
  static func interval(for configuration: FastCGIServerConfiguration) -> Int32 {
    let shorter = min(configuration.readTimeout, configuration.writeTimeout)
    return Int32(max(5, min(250, shorter / .milliseconds(20))))
  }

  /// The thread.
  func run() {
    while !stopped.wait(milliseconds: interval) {
      let late = table.cutOffLatePeers(now: .now)
      if late > 0 { logger.info("connections timed out", metadata: ["count": "\(late)"]) }
      reactor.relieve()
      acceptor.resumeIfPaused()
    }
  }
}
