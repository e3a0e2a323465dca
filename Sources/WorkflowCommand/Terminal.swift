import Glibc
import SystemPackage

/// The standard streams.
enum Terminal {
  /// Writes a line to standard error. What comes from outside cannot steer the terminal: of the control characters only
  /// tabs and line ends go through.
  static func say(_ line: String) { say(Array(line.utf8)) }

  /// The same with a line of UTF-8.
  static func say(_ line: [UInt8]) {
    let isPlain = line.allSatisfy { (0x20...0x7e).contains($0) }
    write(
      (isPlain ? line : Array(String(decoding: line, as: UTF8.self).withoutControls.utf8)) + [UInt8(ascii: "\n")], to: 2
    )
  }

  /// Writes text and a line's end to standard output.
  static func show(_ bytes: [UInt8]) { write(bytes + [UInt8(ascii: "\n")], to: 1) }

  /// Writes a line to standard output.
  static func show(_ line: String) { show(Array(line.utf8)) }

  /// Whether standard output is a terminal.
  static var isInteractive: Bool { isatty(1) == 1 }

  /// Whether standard error is the journal (systemd.exec(5), `JOURNAL_STREAM`).
  static var isJournal: Bool {
    var status = stat()
    guard let stream = getenv("JOURNAL_STREAM"), fstat(2, &status) == 0 else { return false }
    return String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
  }

  /// Writes why the process ends to standard error. The journal names the program and wants the priority
  /// (sd-daemon(3)).
  static func sayFailure(_ sentence: String) { say((isJournal ? "<3>" : "wf: ") + sentence) }

  /// Writes text to standard output as it is.
  static func write(_ text: String) { write(Array(text.utf8), to: 1) }

  /// How large the terminal is; 80 by 24 when it does not say.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// How long a line of standard output may be: what goes to a file or another program is not cut.
  static var lineWidth: Int { isInteractive ? size.columns : 1 << 20 }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        waitUntilWritable(descriptor)
      } else if errno != EINTR {
        return fail(descriptor, Errno(rawValue: errno))
      }
    }
  }

  /// Another program may have made the stream non-blocking: the open file is shared with every process that has it.
  private static func waitUntilWritable(_ descriptor: Int32) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    _ = poll(&entry, 1, -1)
  }

  /// A failed write to standard output ends the process with an error; one to standard error is ignored. EPIPE is
  /// silent: the reader, such as `head`, has closed the pipe.
  private static func fail(_ descriptor: Int32, _ error: Errno) {
    guard descriptor == 1 else { return }
    if error != .brokenPipe { say("wf: standard output: \(error)") }
    exit(CommandFailure.Code.outputError.rawValue)
  }
}

extension String {
  /// The text as one line that a forged one cannot follow: of the control characters and of those that turn the
  /// direction of writing none is left.
  var oneLine: String {
    let forbidden: (Unicode.Scalar) -> Bool = { scalar in
      scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.properties.isBidiControl
        || (0x2028...0x2029).contains(scalar.value)
    }
    guard !isPlainASCII, unicodeScalars.contains(where: forbidden) else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.map { forbidden($0) ? "\u{fffd}" : $0 }))
  }

  /// The text with every control character (C0, DEL, C1), tabs and line ends excepted, replaced by U+FFFD.
  var withoutControls: String {
    guard !isPlainASCII, unicodeScalars.contains(where: \.steersTerminal) else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.map { $0.steersTerminal ? "\u{fffd}" : $0 }))
  }
}

extension String {
  /// Whether there is nothing in it but ASCII's printable characters.
  var isPlainASCII: Bool {
    utf8.span.withUnsafeBufferPointer { bytes in bytes.allSatisfy { (0x20...0x7e).contains($0) } }
  }
}

extension Unicode.Scalar {
  fileprivate var steersTerminal: Bool {
    self != "\n" && self != "\t" && (value < 0x20 || (0x7f...0x9f).contains(value))
  }
}
