import LinuxSupport
import Synchronization

/// A thread that writes responses in small slices, so that none waits for the slow peer of another.
final class Writer: Sendable {
  private struct Inbox {
    var responses: [OutgoingResponse] = []
    var isStopped = false
  }

  private let epoll: Epoll
  private let waker: Waker
  private let table: ConnectionTable
  private let timeout: Duration
  private let inbox = Mutex(Inbox())

  /// - Parameter timeout: how long a peer may accept nothing before it is disconnected.
  init(table: ConnectionTable, timeout: Duration) throws(FastCGIError) {
    self.table = table
    self.timeout = timeout
    epoll = try Epoll()
    waker = try Waker.make()
    guard epoll.add(waker.descriptor, .readable) else { throw .lastSystemError("epoll_ctl") }
  }

  /// Wakes the thread to write what was added to a response.
  func schedule(_ response: OutgoingResponse) {
    let isFirst = inbox.withLock { inbox in
      inbox.responses.append(response)
      return inbox.responses.count == 1
    }
    if isFirst { waker.wake() }
  }

  /// Ends the thread. Every response must be complete.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    waker.wake()
  }

  /// The body of the thread.
  func run() {
    var state = WriterState(epoll: epoll, table: table, timeout: timeout)
    while let scheduled = takeScheduled() {
      state.add(scheduled)
      state.writeSlices()
      guard let event = epoll.wait(timeout: state.isBusy ? 0 : -1) else { continue }
      if event.descriptor == waker.descriptor { waker.drain() } else { state.handle(event) }
    }
  }

  private func takeScheduled() -> [OutgoingResponse]? {
    inbox.withLock { inbox in
      guard !inbox.isStopped else { return nil }
      defer { inbox.responses = [] }
      return inbox.responses
    }
  }
}
