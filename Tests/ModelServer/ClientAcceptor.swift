import Synchronization

/// The thread that accepts connections and starts one of its own for each.
final class ClientAcceptor: Sendable {
  private struct Running {
    let socket: ServerSocket
    let thread: Thread
  }

  private let running: Mutex<Running?>

  init(_ socket: ServerSocket, for service: Service) {
    let thread = Thread {
      while let connection = socket.accept() {
        service.connections.add(connection)
        Thread { service.serve(connection) }.detach()
      }
    }
    running = Mutex(Running(socket: socket, thread: thread))
  }

  /// Returns when the thread has ended and nothing listens any more.
  func stop() {
    running.withLock { running in
      running?.socket.refuse()
      running?.thread.join()
      running = nil
    }
  }
}
