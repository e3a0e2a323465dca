public import ExactJSON

/// A model provider on a port of this machine, for tests: it speaks OpenAI's chat completions and responses and
/// Anthropic's messages, in one piece or as a stream, and fails as told.
///
/// A real server on a real socket, with one thread per connection. It goes away with its last reference, or by
/// `close()`.
///
/// ```swift
/// let server = try ModelServer()
/// server.script([.status(429, headers: [("Retry-After", "1")])])  // the first call; the others get an answer
/// ```
public final class ModelServer: Sendable {
  /// The address that it listens on.
  public let host: String
  /// The port that it listens on.
  public let port: UInt16
  private let service = Service()
  private let acceptor: ClientAcceptor

  /// Listens.
  /// - Parameters:
  ///   - host: a numeric address of this machine.
  ///   - port: 0 for any that is free; that of a closed server to start it again.
  public init(host: String = "127.0.0.1", port: UInt16 = 0) throws {
    let socket = try ServerSocket(host: host, port: port)
    self.host = host
    self.port = socket.port
    acceptor = ClientAcceptor(socket, for: service)
  }

  deinit { close() }

  /// What a client is given as OpenAI's base URL.
  public var baseURL: String { "http://\(host):\(port)/v1" }

  /// What calls get that no script is left for; `echo` at first.
  public var behaviour: Behaviour {
    get { service.plan.standing }
    set { service.plan.standing = newValue }
  }

  /// What the next calls get, one each in the order of their arrival, in place of what an earlier script had left.
  public func script(_ behaviours: [Behaviour]) { service.plan.script(behaviours) }

  /// Lets the calls that are held at this moment continue with an answer.
  public func release() { service.connections.release() }

  /// The calls that have arrived whole, in order.
  public var calls: [Call] { service.journal.entries.calls }

  /// How many clients have hung up while their call was held or slow.
  public var disconnects: Int { service.journal.entries.disconnects }

  /// Returns once so many calls have arrived, counted from the start.
  /// - Throws: `Failure` after 20 s.
  public func waitForCalls(_ count: Int) async throws {
    try await service.journal.wait("\(count) calls") { $0.calls.count >= count }
  }

  /// Returns once so many clients have hung up while their call was held or slow, counted from the start.
  /// - Throws: `Failure` after 20 s.
  public func waitForDisconnect(_ count: Int = 1) async throws {
    try await service.journal.wait("\(count) disconnects") { $0.disconnects >= count }
  }

  /// Closes every connection and frees the port; returns when it is free. May be repeated.
  public func close() {
    acceptor.stop()
    service.connections.close()
  }

  /// A request, as it came over the wire.
  public struct Call: Sendable {
    /// The method, `POST` for a completion.
    public let method: String
    /// The target, such as `/v1/chat/completions`.
    public let path: String
    /// The headers by their names in lower case; repeated ones are joined by commas.
    public let headers: [String: String]
    /// The body, nil when it is not JSON.
    public let body: JSONValue?
    /// The body as it came.
    public let raw: [UInt8]
  }

  /// Why the server could not do its part.
  public struct Failure: Error, CustomStringConvertible {
    /// One sentence.
    public let description: String
  }
}
