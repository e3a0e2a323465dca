import Logging

/// Why no request could be read from a connection, which is of no more use.
enum RequestFailure: Error {
  /// The peer closed, was too slow, or broke off.
  case incomplete
  /// The web server sent what is no request; a sentence for its operator.
  case malformed(String)

  /// Says it: a web server that sends what cannot be understood is to be found in the log.
  func log(to logger: Logger) {
    switch self {
    case .incomplete: logger.debug("connection closed without a complete request")
    case .malformed(let what): logger.warning("connection closed: \(what)")
    }
  }
}
