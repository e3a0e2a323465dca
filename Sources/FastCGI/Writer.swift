import LinuxSupport
import Synchronization

/// A thread that writes answers, each in small slices, so that none waits for another's slow peer.
final class Writer: Sendable {
  private struct Inbox {
    var deliveries: [Delivery] = []
    var isStopped = false
  }

  private let epoll: Epoll
  private let waker: Waker
  private let table: ConnectionTable
  private let timeout: Duration
  private let inbox = Mutex(Inbox())

  /// A writer whose peers are cut off when they take nothing for so long.
  init(table: ConnectionTable, timeout: Duration) throws(FastCGIError) {
    self.table = table
    self.timeout = timeout
    epoll = try Epoll()
    waker = try Waker.make()
    guard epoll.add(waker.descriptor, .readable) else { throw .lastSystemError("epoll_ctl") }
  }

  /// There is something to do for this delivery.
  func schedule(_ delivery: Delivery) {
    let isFirst = inbox.withLock { inbox in
      inbox.deliveries.append(delivery)
      return inbox.deliveries.count == 1
    }
    if isFirst { waker.wake() }
  }

  /// Ends the thread, once every delivery is complete.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    waker.wake()
  }

  /// The thread.
  func run() {
    var round = WriterRound(epoll: epoll, table: table, timeout: timeout)
    while let scheduled = takeScheduled() {
      round.add(scheduled)
      round.writeSlices()
      guard let event = epoll.wait(timeout: round.isBusy ? 0 : -1) else { continue }
      if event.descriptor == waker.descriptor { waker.drain() } else { round.happened(event) }
    }
  }

  private func takeScheduled() -> [Delivery]? {
    inbox.withLock { inbox in
      guard !inbox.isStopped else { return nil }
      defer { inbox.deliveries = [] }
      return inbox.deliveries
    }
  }
}
