import CFastCGI
import Glibc

extension Connection {
  /// The most that may be written at once after `isWritable`, in bytes.
  ///
  /// A unix socket polls as writable while at most a quarter of its buffer of 208 KiB is used, so this much fits and
  /// the blocking write does not block.
  static let sliceLength = 16 * 1024

  /// Whether a slice can be written without blocking. A broken connection counts: there a write fails at once.
  var isWritable: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Adds to the answer; small pieces are held back until `flush` or `endAnswer`. False when the peer has gone.
  func write(_ bytes: some Collection<UInt8>) -> Bool {
    let written = bytes.withContiguousStorageIfAvailable { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        FCGX_PutStr($0.baseAddress, Int32($0.count), request.pointee.out) == Int32($0.count)
      }
    }
    return written ?? false
  }

  /// Sends what has been held back. False when the peer has gone.
  func flush() -> Bool {
    // It may return 0 after an error, so the error itself is looked at.
    FCGX_FFlush(request.pointee.out) == 0 && FCGX_GetError(request.pointee.out) == 0
  }

  /// Sends what has been held back and the end of the request. False when the peer has gone.
  func endAnswer() -> Bool {
    FCGX_FClose(request.pointee.err) == 0 && FCGX_FClose(request.pointee.out) == 0
  }
}
