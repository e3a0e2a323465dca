private import CZlib

/// Compression in the gzip format (RFC 1952), by zlib.
public enum Gzip {
  /// zlib's number for a window of 32 KiB, and what it adds to that for the gzip format (zlib.h, `deflateInit2`).
  private static let window = 15 + 16
  /// What zlib uses of its memory; 8 is its default.
  private static let memory: Int32 = 8

  /// The compressed bytes; nil where zlib has no memory for it, and the bytes are to be sent as they are.
  /// - Parameter level: 1, the fastest, to 9, the smallest.
  public static func compressed(_ bytes: [UInt8], level: Int) -> [UInt8]? {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    let begun = deflateInit2_(
      &stream, Int32(level), Z_DEFLATED, Int32(window), memory, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    guard begun == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var input = bytes
    let bound = Int(deflateBound(&stream, UInt(input.count)))
    var isWhole = false
    let output = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        // One call writes everything into a buffer of that size.
        isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END
      }
      count = isWhole ? bound - Int(stream.avail_out) : 0
    }
    return isWhole ? output : nil
  }
}
