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

  /// Writes text to standard output as it is.
  static func write(_ text: String) { write(Array(text.utf8), to: 1) }

  /// How large the terminal is; 80 by 24 when it does not say.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

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
