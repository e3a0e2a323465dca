import CFastCGI
import Glibc
import Logging

/// Why no request could be read from a connection. The connection must then be closed.
enum RequestFailure: Error {
  /// The peer closed the connection or timed out before the end of its request.
  case incomplete
  /// The web server sent something other than a request; the value says what, for its operator.
  case malformed(String)

  /// Logs the failure: malformed requests as warnings, so that an operator finds a misconfigured web server.
  func log(to logger: Logger) {
    switch self {
    case .incomplete: logger.debug("connection closed without a complete request")
    case .malformed(let what): logger.warning("connection closed: \(what)")
    }
  }
}

extension Connection {
  /// Reads a request to the end of its body. Blocks.
  /// - Parameter bodyLimit: the longest body that is kept, in bytes.
  func readRequest(bodyLimit: Int) throws(RequestFailure) -> FastCGIRequest {
    // Of the request before, which was read by such a thread too. The thread that has answered it leaves this memory
    // alone: threads that free each other's memory wait for each other in malloc.
    release()
    try readParameters()
    let parameters = RequestParameters(copying: request.pointee.envp)
    let length = try Self.announcedLength(parameters["CONTENT_LENGTH"] ?? "")
    let body = try readBody(announced: length, limit: bodyLimit)
    // Frees 8 KiB, which would stay unused while the response is sent; a stream may last hours.
    FCGX_FreeStream(&request.pointee.in)
    return FastCGIRequest(parameters: parameters, body: body)
  }

  /// Has libfcgi read the parameters of a request.
  ///
  /// On failure libfcgi closes its descriptor, and the timeout monitor could then shut down a reused number. So it
  /// reads from a duplicate.
  private func readParameters() throws(RequestFailure) {
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard duplicate >= 0 else { throw .malformed("no file descriptor is left to read a request") }
    request.pointee.ipcFd = duplicate
    // Otherwise libfcgi first closes the descriptor, and waits up to 2 s for the peer on failure.
    request.pointee.keepConnection = 1
    request.pointee.detached = 1
    guard FCGX_Accept_r(request) == 0 else { throw .incomplete }
    Glibc.close(duplicate)
    request.pointee.ipcFd = descriptor
    let responder: Int32 = 1
    guard request.pointee.role == responder else {
      throw .malformed("the web server asked for role \(request.pointee.role) of FastCGI; wf is a responder (1)")
    }
  }

  /// The length of the body that the web server announces, in bytes; nil when unknown.
  ///
  /// An unknown length is an empty `CONTENT_LENGTH` from nginx, none from Apache, -1 from Caddy.
  private static func announcedLength(_ text: String) throws(RequestFailure) -> Int? {
    if text.isEmpty || text == "-1" { return nil }
    guard let length = Int(text), length >= 0 else {
      throw .malformed("the web server sent a CONTENT_LENGTH that is no length: \(text.prefix(32).debugDescription)")
    }
    return length
  }

  /// Reads the whole body, also one that is too long: on a kept connection, unread bytes would be parsed as the next
  /// request.
  private func readBody(announced length: Int?, limit: Int) throws(RequestFailure) -> FastCGIBody {
    var kept: [UInt8] = []
    kept.reserveCapacity(length.map { $0 > limit ? 0 : $0 } ?? 0)
    var total = 0
    forEachChunk { chunk in
      total += chunk.count
      if total <= limit { kept.append(contentsOf: chunk) } else { kept = [] }
    }
    guard FCGX_GetError(request.pointee.in) == 0, length == nil || length == total else { throw .incomplete }
    return total > limit ? .tooLarge(limit: limit) : .complete(kept)
  }

  /// Passes the body to the closure in chunks, until it ends or the connection fails.
  ///
  /// Up to 1 KiB Swift takes temporary memory from the stack, and most requests have no body.
  private func forEachChunk(_ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 10) { chunk in
      var count: Int
      repeat {
        count = Int(FCGX_GetStr(chunk.baseAddress, Int32(chunk.count), request.pointee.in))
        body(UnsafeRawBufferPointer(start: chunk.baseAddress, count: count))
      } while count == chunk.count
    }
  }
}
