/// Why a request has failed. No message contains header values, a body or the query of a URL.
public enum HTTPError: Error, Sendable, Equatable {
  /// The request cannot be sent: for example its URL is malformed, or a header contains a line break.
  case invalidRequest(String)
  /// No connection: for example the name is unknown, or the port refuses.
  case cannotConnect(String)
  /// The configuration allows no connection to an address of the host. No byte was sent.
  case refusedAddress(IPAddress)
  /// A timeout of the request has passed.
  case timedOut(Phase)
  /// The body or the headers are longer than the limit, in bytes. The rest was not read.
  case tooLarge(limit: Int)
  /// The server's certificate is not trusted: signed by an unknown authority, for another name, or expired.
  case untrusted(String)
  /// TLS failed: the server does not support it, or no version or cipher is in common.
  case tlsFailed(String)
  /// The proxy refused to connect to the server, with a status from 400 to 499.
  case proxyRefused(status: Int)
  /// The connection was lost before the whole request was sent: in the TLS handshake, or while the body was on its way.
  case unsent(String)
  /// The connection was lost before the end of the response, or the response was not HTTP.
  case interrupted(String)
  /// The task was cancelled, or the body was released.
  case cancelled
  /// The client was closed.
  case closed

  /// How far a request had progressed.
  public enum Phase: Sendable, Equatable {
    /// Name lookup, TCP, TLS.
    case connecting
    /// Connected; the request was not sent as a whole.
    case sending
    /// The request was sent; the headers had not arrived completely.
    case waiting
    /// The body was arriving.
    case receiving
    /// The body was arriving, and then no byte of it for the request's `idleTimeout`.
    case idle
  }

  /// Whether the same request may succeed later.
  public var isTransient: Bool {
    switch self {
    case .cannotConnect, .timedOut, .unsent, .interrupted: true
    case .invalidRequest, .refusedAddress, .tooLarge, .untrusted, .tlsFailed, .proxyRefused, .cancelled, .closed: false
    }
  }
}

extension HTTPError: CustomStringConvertible {
  /// The error as a sentence.
  public var description: String {
    switch self {
    case .invalidRequest(let reason): "The request cannot be sent: \(reason)."
    case .cannotConnect(let reason): "There is no connection to the server: \(reason)."
    case .refusedAddress(let address): "No connection to the address \(address) may be opened."
    case .timedOut(.connecting): "The connection to the server was not made in time."
    case .timedOut(.sending): "The request was not sent in time."
    case .timedOut(.waiting): "The server did not answer in time."
    case .timedOut(.receiving): "The response did not end in time."
    case .timedOut(.idle): "The response stopped: nothing more of it came for too long."
    case .tooLarge(let limit): "The response is larger than the limit of \(limit) bytes."
    case .untrusted(let reason): "The server's certificate is not trusted: \(reason)."
    case .tlsFailed(let reason): "The TLS handshake with the server failed: \(reason)."
    case .proxyRefused(let status): "The proxy refuses the connection with status \(status)."
    case .unsent(let reason): "The connection was lost before the request was sent: \(reason)."
    case .interrupted(let reason): "The response was interrupted: \(reason)."
    case .cancelled: "The request was cancelled."
    case .closed: "The HTTP client is closed."
    }
  }
}
