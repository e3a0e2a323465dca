import LinuxSupport
import Logging

/// The parts of a server that exist between start and stop.
final class RunningServer: Sendable {
  private let table: ConnectionTable
  private let configuration: FastCGIServerConfiguration
  private let acceptor: Acceptor
  private let writers: [Writer]
  private let reactor: Reactor
  private let monitor: TimeoutMonitor
  private let threads = ThreadGroup()
  private let stopped: Waker

  /// Creates the parts; no thread runs yet.
  init(
    listening: ListeningSocket, configuration: FastCGIServerConfiguration, table: ConnectionTable, logger: Logger,
    handler: @escaping @Sendable (FastCGIRequest) async -> FastCGIResponse
  ) throws(FastCGIError) {
    self.table = table
    self.configuration = configuration
    let epoll = try Epoll()
    stopped = try Waker.make()
    acceptor = Acceptor(
      listening: listening, epoll: epoll, table: table, readTimeout: configuration.readTimeout, logger: logger)
    var writers: [Writer] = []
    for _ in 0..<configuration.writerThreads {
      writers.append(try Writer(table: table, timeout: configuration.writeTimeout))
    }
    self.writers = writers
    let responder = Responder(
      handler: handler, configuration: configuration, table: table, epoll: epoll, acceptor: acceptor, writers: writers,
      logger: logger)
    reactor = try Reactor(
      epoll: epoll, acceptor: acceptor, responder: responder, stopped: stopped, threads: threads,
      sizes: configuration.reactorThreads...configuration.maxReactorThreads, logger: logger)
    monitor = TimeoutMonitor(
      table: table, responder: responder, reactor: reactor, acceptor: acceptor, stopped: stopped, logger: logger,
      interval: TimeoutMonitor.interval(for: configuration))
  }

  /// Starts the threads.
  func start() throws(FastCGIError) {
    for writer in writers { try threads.start("fcgi-writer") { writer.run() } }
    try threads.start("fcgi-timeouts") { [monitor] in monitor.run() }
    try reactor.start()
  }

  /// Ends the threads that were started, after `start` has failed.
  func abandon() {
    stopped.wake()
    for writer in writers { writer.stop() }
  }

  /// Stops accepting, answers the requests that have arrived, and ends the threads.
  func stop() async {
    acceptor.stop()
    table.stop()
    await table.emptied()
    abandon()
    await threads.ended()
  }
}
