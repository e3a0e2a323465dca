import CFastCGI
import Glibc

extension Connection {
  /// Reads a request to the end of its body, blocking.
  ///
  /// - Parameter bodyLimit: the longest body to keep, in bytes
  func readRequest(bodyLimit: Int) throws(RequestFailure) -> FastCGIRequest {
    try readParameters()
    let parameters = RequestParameters(copying: request.pointee.envp)
    let length = try Connection.announcedLength(parameters["CONTENT_LENGTH"] ?? "")
    let body = try readBody(announced: length, limit: bodyLimit)
    // Its buffer of 8 KiB would lie idle through the whole of an answer, which may be a stream of hours.
    FCGX_FreeStream(&request.pointee.in)
    return FastCGIRequest(parameters: parameters, body: body)
  }

  /// Has libfcgi read the beginning of a request.
  ///
  /// When that fails it closes the descriptor it was given, at a moment that the watchdog could not know. So it is
  /// given a duplicate until it has succeeded.
  private func readParameters() throws(RequestFailure) {
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard duplicate >= 0 else { throw .malformed("no file descriptor is left to read a request") }
    request.pointee.ipcFd = duplicate
    // Without these two it begins by closing the descriptor, and waits up to 2 s for the peer when it fails.
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

  /// The length of the body that the web server announces; nil when it does not know it.
  ///
  /// nginx then sends an empty `CONTENT_LENGTH`, Apache none, Caddy -1.
  private static func announcedLength(_ text: String) throws(RequestFailure) -> Int? {
    if text.isEmpty || text == "-1" { return nil }
    guard let length = Int(text), length >= 0 else {
      throw .malformed("the web server sent a CONTENT_LENGTH that is no length: \(text.prefix(32).debugDescription)")
    }
    return length
  }

  /// Reads the body to its end, whatever its length: on a kept connection, bytes left unread would be taken for the
  /// next request.
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

  /// Hands out the body piece by piece until it ends or breaks off.
  private func forEachChunk(_ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { chunk in
      var count: Int
      repeat {
        count = Int(FCGX_GetStr(chunk.baseAddress, Int32(chunk.count), request.pointee.in))
        body(UnsafeRawBufferPointer(start: chunk.baseAddress, count: count))
      } while count == chunk.count
    }
  }
}
