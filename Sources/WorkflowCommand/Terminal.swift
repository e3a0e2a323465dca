import Glibc

/// The standard streams.
enum Terminal {
  /// Writes a line to standard error.
  static func say(_ line: String) { write(Array((line + "\n").utf8), to: 2) }

  /// Writes text and a line's end to standard output.
  static func show(_ bytes: [UInt8]) { write(bytes + [UInt8(ascii: "\n")], to: 1) }

  /// Writes a line to standard output.
  static func show(_ line: String) { show(Array(line.utf8)) }

  /// Whether standard output is a terminal.
  static var isInteractive: Bool { isatty(1) == 1 }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // Nobody is left to be told when a standard stream is gone.
      if count < 0 && errno != EINTR { return }
      rest = rest.dropFirst(max(0, count))
    }
  }
}
