import Glibc
import LinuxSupport
import Logging

/// A thread that disconnects peers whose deadline has passed, grows a reactor that such peers block, has peers watched
/// whose requests take long, and frees the memory of idle connections.
struct TimeoutMonitor: Sendable {
  /// The connections and their deadlines.
  let table: ConnectionTable
  /// Watches the peers of requests that take long.
  let responder: Responder
  /// Grown when all of its threads are blocked.
  let reactor: Reactor
  /// Resumed when there is room again.
  let acceptor: Acceptor
  /// Ends the thread.
  let stopped: Waker
  /// Logs how many peers were disconnected.
  let logger: Logger
  /// The time between two checks, in milliseconds.
  let interval: Int32

  /// An interval of a twentieth of the shorter timeout, 5 to 250 ms.
  static func interval(for configuration: FastCGIServerConfiguration) -> Int32 {
    let shorter = min(configuration.readTimeout, configuration.writeTimeout)
    return Int32(max(5, min(250, shorter / .milliseconds(20))))
  }

  /// The body of the thread.
  func run() {
    let interval = Duration.milliseconds(interval)
    var nextCheck = MonotonicInstant.now + interval
    while true {
      let now = MonotonicInstant.now
      if now >= nextCheck {
        check(at: now)
        nextCheck = now + interval
      }
      let (isStopped, isAlarmed) = wait(milliseconds: Int32(((nextCheck - now) / .milliseconds(1)).rounded(.up)))
      if isStopped { return }
      if isAlarmed { reactor.growIfStuck() }
    }
  }

  private func check(at now: MonotonicInstant) {
    let late = table.shutDownLatePeers(now: now)
    if late > 0 { logger.info("connections timed out", metadata: ["count": "\(late)"]) }
    responder.watchHandled()
    table.releaseIdle()
    acceptor.resumeIfPaused()
  }

  /// Waits until the server has stopped, the reactor's alarm goes off or the time is over.
  private func wait(milliseconds: Int32) -> (isStopped: Bool, isAlarmed: Bool) {
    var entries = [stopped.descriptor, reactor.alarm.descriptor].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return (false, false) }
    return (entries[0].revents != 0, entries[1].revents != 0)
  }
}
