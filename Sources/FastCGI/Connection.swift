import CFastCGI
import Glibc

/// A connection from the web server, and libfcgi's state of the request on it.
///
/// Exactly one owner at a time: the reactor thread while it reads the request, then the task that answers, or the
/// writer thread to which the task passes the connection. The descriptor belongs to this object from `accept` to
/// `close`, so that the timeout monitor never shuts down a number that the kernel has reused.
final class Connection: @unchecked Sendable {
  /// The socket. Reads and writes block.
  let descriptor: Int32
  /// libfcgi's state of the current request. libfcgi keeps pointers to it, so its address is fixed.
  let request: UnsafeMutablePointer<FCGX_Request>

  /// Takes ownership of the descriptor.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    request = .allocate(capacity: 1)
    FCGX_InitRequest(request, -1, 0)
  }

  /// Whether the peer asked to keep the connection open for further requests.
  var isKeptByPeer: Bool { request.pointee.keepConnection != 0 }

  /// Whether the peer has closed its end, at least for writing. False if it sent its next request early.
  var isAbandoned: Bool {
    // EPOLLRDHUP equals POLLRDHUP, which glibc declares only under _GNU_SOURCE. `poll` always reports errors.
    var entry = pollfd(fd: descriptor, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Whether there is unread input; end of file counts.
  var hasInput: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Frees libfcgi's memory of the request that was answered; without effect if that was done. The connection stays
  /// open.
  func release() {
    FCGX_Free(request, 0)
  }

  /// Closes the connection. It must not be used afterwards.
  func close() {
    release()
    discardUnread()
    Glibc.close(descriptor)
    request.deallocate()
  }

  /// Makes every read and write fail or end at once. The owner then closes the connection.
  func shutDown() {
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Ends the input after the bytes that have arrived.
  func endInput() {
    shutdown(descriptor, Int32(SHUT_RD))
  }

  /// Prevents a reset: closing with unread bytes resets the connection, and the peer could lose the end of its
  /// response.
  private func discardUnread() {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { scrap in
      _ = recv(descriptor, scrap.baseAddress, scrap.count, Int32(MSG_DONTWAIT))
    }
  }
}
