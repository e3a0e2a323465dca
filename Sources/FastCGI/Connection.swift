import CFastCGI
import Glibc

/// A connection of the web server's, and libfcgi's state of the request on it.
///
/// It is in one hand at a time: of the reactor thread that reads the request, then of the task that answers it, or of
/// the writer thread that the task handed it to. The descriptor is this object's alone from `accept` to `close`, so
/// that the watchdog never shuts down a number that has come to mean another connection.
final class Connection: @unchecked Sendable {
  /// The socket; its reads and writes block.
  let descriptor: Int32
  /// What libfcgi knows of the request under way; it keeps pointers to this, so it has a fixed place.
  let request: UnsafeMutablePointer<FCGX_Request>

  /// Takes the descriptor over.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    request = .allocate(capacity: 1)
    FCGX_InitRequest(request, -1, 0)
  }

  /// Whether the peer wants to send its next request on this connection.
  var isKeptByPeer: Bool { request.pointee.keepConnection != 0 }

  /// Whether the peer has closed its end, at least for writing. A request that follows too early does not count.
  var isAbandoned: Bool {
    // The kernel's POLLRDHUP, which glibc declares only under _GNU_SOURCE, is the same bit. Errors are told unasked.
    var entry = pollfd(fd: descriptor, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Whether something has arrived that has not been read, be it the end.
  var hasInput: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Frees what libfcgi holds of the request just served, the connection stays open.
  func release() {
    FCGX_Free(request, 0)
  }

  /// Closes the connection; the last use of it.
  func close() {
    release()
    takeUnread()
    Glibc.close(descriptor)
    request.deallocate()
  }

  /// Makes every read and write on it fail or end at once. Whoever has it in hand then closes it.
  func cutOff() {
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Ends what can be read of it with what has already arrived.
  func endInput() {
    shutdown(descriptor, Int32(SHUT_RD))
  }

  /// A close with bytes unread resets the connection, and the peer could lose the end of its answer.
  private func takeUnread() {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { scrap in
      _ = recv(descriptor, scrap.baseAddress, scrap.count, Int32(MSG_DONTWAIT))
    }
  }
}
