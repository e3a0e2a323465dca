import Glibc
import LinuxSupport
import Logging
import Synchronization

/// Accepts connections while the table has room for them, and pauses while it has none.
final class Acceptor: Sendable {
  private let listening: ListeningSocket
  private let epoll: Epoll
  private let table: ConnectionTable
  private let readTimeout: Duration
  private let logger: Logger
  private let isPaused = Atomic(false)

  /// - Parameter readTimeout: how long a new connection may wait for the first byte of its request.
  init(listening: ListeningSocket, epoll: Epoll, table: ConnectionTable, readTimeout: Duration, logger: Logger) {
    self.listening = listening
    self.epoll = epoll
    self.table = table
    self.readTimeout = readTimeout
    self.logger = logger
  }

  /// The listening socket; it is readable when a connection waits.
  var descriptor: Int32 { listening.descriptor }

  /// Starts watching for new connections.
  func start() throws(FastCGIError) {
    guard epoll.add(descriptor, [.readable, .edge]) else { throw .lastSystemError("epoll_ctl") }
  }

  /// Accepts every pending connection that there is room for.
  func acceptPending() {
    while table.hasRoom {
      guard let connection = listening.accept() else { return pauseUnlessEmpty(errno) }
      let isLast = !table.makeRoom()
      register(Connection(connection))
      if isLast { break }
    }
    isPaused.store(true, ordering: .sequentiallyConsistent)
  }

  /// Resumes after a lack of room or of descriptors.
  func resumeIfPaused() {
    guard isPaused.load(ordering: .sequentiallyConsistent), table.hasRoom else { return }
    if isPaused.exchange(false, ordering: .sequentiallyConsistent) { epoll.rearm(descriptor, [.readable, .edge]) }
  }

  /// Accepts the pending connections, then refuses further ones. Those of a shared socket wait for the next process.
  func stop() {
    listening.unlink()
    if !listening.isShared { acceptPending() }
    epoll.remove(descriptor)
    listening.refuse()
  }

  private func register(_ connection: Connection) {
    guard table.insert(connection, deadline: .now + readTimeout) else { return connection.close() }
    if !epoll.add(connection.descriptor, [.readable, .once]) { table.close(connection) }
  }

  private func pauseUnlessEmpty(_ code: Int32) {
    guard code != EAGAIN else { return }
    logger.error("cannot accept connections", metadata: ["reason": "\(String(cString: strerror(code)))"])
    isPaused.store(true, ordering: .sequentiallyConsistent)
  }
}
