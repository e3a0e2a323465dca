import Glibc
import Logging
import Synchronization

/// Takes connections in, as long as there is room for them.
final class Acceptor: Sendable {
  private let listening: ListeningSocket
  private let epoll: Epoll
  private let table: ConnectionTable
  private let readTimeout: Duration
  private let logger: Logger
  private let isPaused = Atomic(false)

  /// An acceptor that gives each connection so long for the first byte of its request.
  init(listening: ListeningSocket, epoll: Epoll, table: ConnectionTable, readTimeout: Duration, logger: Logger) {
    self.listening = listening
    self.epoll = epoll
    self.table = table
    self.readTimeout = readTimeout
    self.logger = logger
  }

  /// The descriptor whose events mean new connections.
  var descriptor: Int32 { listening.descriptor }

  /// Begins to be told of new connections.
  func start() throws(FastCGIError) {
    guard epoll.add(descriptor, [.readable, .edge]) else { throw .lastSystemError("epoll_ctl") }
  }

  /// Accepts everyone who is waiting.
  func acceptPending() {
    while table.hasRoom {
      guard let connection = listening.accept() else { return pauseUnlessEmpty(errno) }
      let isLast = !table.makeRoom()
      take(Connection(connection))
      if isLast { break }
    }
    isPaused.store(true, ordering: .sequentiallyConsistent)
  }

  /// Goes on after a lack of room or of descriptors.
  func resumeIfPaused() {
    guard isPaused.load(ordering: .sequentiallyConsistent), table.hasRoom else { return }
    if isPaused.exchange(false, ordering: .sequentiallyConsistent) { epoll.rearm(descriptor, [.readable, .edge]) }
  }

  /// Accepts who is waiting, and then nobody more.
  func stop() {
    listening.hide()
    acceptPending()
    epoll.remove(descriptor)
    listening.refuse()
  }

  private func take(_ connection: Connection) {
    guard table.insert(connection, deadline: .now + readTimeout) else { return connection.close() }
    if !epoll.add(connection.descriptor, [.readable, .once]) { table.close(connection) }
  }

  private func pauseUnlessEmpty(_ code: Int32) {
    guard code != EAGAIN else { return }
    logger.error("cannot accept connections", metadata: ["reason": "\(String(cString: strerror(code)))"])
    isPaused.store(true, ordering: .sequentiallyConsistent)
  }
}
