import Synchronization

/// The thread that accepts connections and starts one of its own for each.
final class Acceptor: Sendable {
  private struct Running {
    let socket: ListeningSocket
    let thread: Thread
  }

  private let running: Mutex<Running?>

  init(_ socket: ListeningSocket, for service: Service) {
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
