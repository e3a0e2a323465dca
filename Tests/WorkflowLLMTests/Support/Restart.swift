import ModelServer
import Synchronization
import Testing

/// A server that is started in the midst of a test, and lives as long as this.
final class Restart: Sendable {
  private let port: UInt16
  private let server = Mutex<ModelServer?>(nil)

  init(port: UInt16) { self.port = port }

  func start() {
    #expect(throws: Never.self) {
      let server = try ModelServer(port: port)
      self.server.withLock { $0 = server }
    }
  }
}
