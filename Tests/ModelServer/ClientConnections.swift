import Synchronization

/// The connections that are open.
final class ClientConnections: Sendable {
  private let connections = Mutex<[ObjectIdentifier: ClientConnection]>([:])

  func add(_ connection: ClientConnection) {
    connections.withLock { $0[ObjectIdentifier(connection)] = connection }
  }

  func remove(_ connection: ClientConnection) {
    connections.withLock { $0[ObjectIdentifier(connection)] = nil }
  }

  /// Ends every pause.
  func release() { all.forEach { $0.release() } }

  /// Ends every connection.
  func close() { all.forEach { $0.close() } }

  private var all: [ClientConnection] { connections.withLock { Array($0.values) } }
}
