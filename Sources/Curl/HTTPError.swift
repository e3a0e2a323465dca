/// Why there is no response, or not the whole of it. No case holds a header's value, a body or a URL's query.
public enum HTTPError: Error, Sendable, Equatable {
  /// The request cannot go on the wire: its URL, its scheme, a header with a line break.
  case invalidRequest(String)
  /// No connection: the name is unknown, the port refuses.
  case cannotConnect(String)
  /// A timeout of the request ran out.
  case timedOut(Phase)
  /// The body, or the headers, are longer than allowed. Reading stopped at the limit, in bytes.
  case tooLarge(limit: Int)
  /// The server's certificate is not trusted: no known authority has signed it, it is for another name, or it has expired.
  case untrusted(String)
  /// TLS cannot be spoken with the server: it has none, or no version or cipher in common.
  case tlsFailed(String)
  /// The proxy refused to open a way to the server, with a status from 400 to 499.
  case proxyRefused(status: Int)
  /// The connection was lost before the end of the response, or what came was not HTTP.
  case interrupted(String)
  /// The task was cancelled, or the body was dropped.
  case cancelled
  /// The client was closed.
  case closed

  /// How far a request had come.
  public enum Phase: Sendable, Equatable {
    /// Name lookup, TCP, TLS.
    case connecting
    /// Connected; the headers of the response had not ended.
    case waiting
    /// The body was arriving.
    case receiving
  }

  /// True when the same request may succeed a little later.
  public var isTransient: Bool {
    switch self {
    case .cannotConnect, .timedOut, .interrupted: true
    case .invalidRequest, .tooLarge, .untrusted, .tlsFailed, .proxyRefused, .cancelled, .closed: false
    }
  }
}

extension HTTPError: CustomStringConvertible {
  /// A sentence.
  public var description: String {
    switch self {
    case .invalidRequest(let reason): "The request cannot be sent: \(reason)."
    case .cannotConnect(let reason): "There is no connection to the server: \(reason)."
    case .timedOut(.connecting): "The connection to the server was not made in time."
    case .timedOut(.waiting): "The server did not answer in time."
    case .timedOut(.receiving): "The response did not end in time."
    case .tooLarge(let limit): "The response is larger than the limit of \(limit) bytes."
    case .untrusted(let reason): "The server's certificate is not trusted: \(reason)."
    case .tlsFailed(let reason): "The server cannot be spoken to in TLS: \(reason)."
    case .proxyRefused(let status): "The proxy refuses the connection with status \(status)."
    case .interrupted(let reason): "The response broke off: \(reason)."
    case .cancelled: "The request was cancelled."
    case .closed: "The HTTP client is closed."
    }
  }
}
