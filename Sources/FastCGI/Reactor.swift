import LinuxSupport
import Logging
import Synchronization

/// The threads that wait for connections and requests, all on one epoll.
///
/// A request is read on the thread that is told of it, and answered there as far as the handler does not wait. Reading
/// blocks, which is short with a web server that sends what it has. While slow peers hold every thread, another one is
/// started.
final class Reactor: Sendable {
  private struct Crew {
    var size = 0
    var reading = 0
    /// Since the last look of `relieve`.
    var hasFinishedReading = false
  }

  private let epoll: Epoll
  private let acceptor: Acceptor
  private let responder: Responder
  private let stopped: Waker
  private let threads: ThreadGroup
  private let sizes: ClosedRange<Int>
  private let logger: Logger
  private let crew = Mutex(Crew())

  /// A reactor of so many threads, which end when the signal is raised.
  init(
    epoll: Epoll, acceptor: Acceptor, responder: Responder, stopped: Waker, threads: ThreadGroup,
    sizes: ClosedRange<Int>, logger: Logger
  ) {
    self.epoll = epoll
    self.acceptor = acceptor
    self.responder = responder
    self.stopped = stopped
    self.threads = threads
    self.sizes = sizes
    self.logger = logger
  }

  /// Starts the threads and accepting.
  func start() throws(FastCGIError) {
    guard epoll.add(stopped.descriptor, .readable) else { throw .lastSystemError("epoll_ctl") }
    for _ in 0..<sizes.lowerBound { try startThread() }
    try acceptor.start()
  }

  /// Adds a thread if none of them has finished reading a request since the last call.
  func relieve() {
    let isStuck = crew.withLock { crew in
      defer { crew.hasFinishedReading = false }
      return crew.reading == crew.size && !crew.hasFinishedReading && crew.size < sizes.upperBound
    }
    guard isStuck else { return }
    do {
      try startThread()
      logger.notice("slow peers hold every reactor thread: one more started")
    } catch {
      logger.error("cannot start a reactor thread", metadata: ["reason": "\(error)"])
    }
  }

  private func startThread() throws(FastCGIError) {
    crew.withLock { $0.size += 1 }
    do {
      try threads.start("fcgi-reactor") { self.run() }
    } catch {
      crew.withLock { $0.size -= 1 }
      throw error
    }
  }

  private func run() {
    let loop = JobQueue()
    while true {
      guard let event = epoll.wait(timeout: idleTimeout) else {
        if leaves() { return }
        continue
      }
      switch event.descriptor {
      case stopped.descriptor: return
      case acceptor.descriptor: acceptor.acceptPending()
      default: read(event.descriptor)
      }
      loop.runReadyJobs()
    }
  }

  private func read(_ descriptor: Int32) {
    crew.withLock { $0.reading += 1 }
    responder.serve(descriptor)
    crew.withLock { crew in
      crew.reading -= 1
      crew.hasFinishedReading = true
    }
  }

  /// For ever, unless there are more threads than usual.
  private var idleTimeout: Int32 { crew.withLock { $0.size > sizes.lowerBound ? 1000 : -1 } }

  /// Whether the thread that asks is one too many.
  private func leaves() -> Bool {
    crew.withLock { crew in
      guard crew.size > sizes.lowerBound else { return false }
      crew.size -= 1
      return true
    }
  }
}
