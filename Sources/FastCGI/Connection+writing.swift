import CFastCGI
import Glibc

extension Connection {
  /// How many bytes may be written after `isWritable` without blocking.
  ///
  /// A unix socket polls as writable while at most a quarter of its buffer of 208 KiB is used, so a slice always fits.
  static let sliceLength = 16 << 10

  /// Whether a slice can be written without blocking. True for a broken connection too: a write then fails at once.
  var isWritable: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Writes bytes of the response; small pieces stay in a buffer until `flush` or `endResponse`.
  /// - Returns: false when the peer has closed the connection.
  func write(_ bytes: some Collection<UInt8>) -> Bool {
    let written = bytes.withContiguousStorageIfAvailable { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        FCGX_PutStr($0.baseAddress, Int32($0.count), request.pointee.out) == Int32($0.count)
      }
    }
    return written ?? false
  }

  /// Sends the buffered bytes.
  /// - Returns: false when the peer has closed the connection.
  func flush() -> Bool {
    // FCGX_FFlush may return 0 after an error.
    FCGX_FFlush(request.pointee.out) == 0 && FCGX_GetError(request.pointee.out) == 0
  }

  /// Sends the buffered bytes and the end of the response.
  /// - Returns: false when the peer has closed the connection.
  func endResponse() -> Bool {
    FCGX_FClose(request.pointee.err) == 0 && FCGX_FClose(request.pointee.out) == 0
  }
}
