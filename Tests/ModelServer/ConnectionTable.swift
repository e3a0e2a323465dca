import Synchronization

/// The connections that are open.
final class ConnectionTable: Sendable {
  private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

  func add(_ connection: Connection) {
    connections.withLock { $0[ObjectIdentifier(connection)] = connection }
  }

  func remove(_ connection: Connection) {
    connections.withLock { $0[ObjectIdentifier(connection)] = nil }
  }

  /// Ends every pause.
  func release() { all.forEach { $0.release() } }

  /// Ends every connection.
  func close() { all.forEach { $0.close() } }

  private var all: [Connection] { connections.withLock { Array($0.values) } }
}
