import FastCGI
import Logging
import Synchronization

/// A server on a unix socket in a directory of its own, and the requests that reached its handler.
final class TestServer: Sendable {
  typealias Handler = @Sendable (FastCGIRequest) async -> FastCGIResponse

  let directory = TestDirectory()
  let server: FastCGIServer
  private let seen: Seen

  init(_ configuration: FastCGIServerConfiguration = .patient, handler: @escaping Handler = echo) throws {
    let seen = Seen()
    self.seen = seen
    server = try FastCGIServer(
      listener: .unix(path: directory.file("app.sock")), configuration: configuration,
      logger: .quiet
    ) { request in
      seen.paths.withLock { $0.append(request.path) }
      return await handler(request)
    }
    try server.start()
  }

  var socket: String { directory.file("app.sock") }

  /// The paths of the requests that the handler was called for.
  var paths: [String] { seen.paths.withLock { $0 } }

  func client() throws -> FastCGIClient { try FastCGIClient(socket) }

  /// One request on a connection of its own.
  func exchange(_ request: [UInt8]) async throws -> FastCGIClient.Answer {
    try await client().exchange(request)
  }

  func stop() async { await server.stop() }

  private final class Seen: Sendable {
    let paths = Mutex<[String]>([])
  }
}

/// Runs a test against a server and stops the server, whatever comes of it.
func withServer(
  _ configuration: FastCGIServerConfiguration = .patient, handler: @escaping TestServer.Handler = echo,
  _ test: (TestServer) async throws -> Void
) async throws {
  let server = try TestServer(configuration, handler: handler)
  do {
    try await test(server)
  } catch {
    await server.stop()
    throw error
  }
  await server.stop()
}

extension FastCGIServerConfiguration {
  /// Timeouts that do not run out on a machine that is busy with other tests.
  static var patient: FastCGIServerConfiguration {
    var configuration = FastCGIServerConfiguration()
    configuration.readTimeout = .seconds(60)
    configuration.writeTimeout = .seconds(60)
    return configuration
  }
}

extension Logger {
  static var quiet: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}

/// Answers a request with its body.
@Sendable func echo(_ request: FastCGIRequest) async -> FastCGIResponse {
  switch request.body {
  case .complete(let bytes): FastCGIResponse(body: .bytes(bytes))
  case .tooLarge(let limit): FastCGIResponse(status: 413, body: .bytes(Array("\(limit)".utf8)))
  }
}

/// Bytes in which a lost or repeated part shows.
func pattern(_ count: Int) -> [UInt8] {
  let block = (0..<8191).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  var bytes: [UInt8] = []
  while bytes.count < count { bytes += block.prefix(count - bytes.count) }
  return bytes
}
