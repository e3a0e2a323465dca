import Glibc
import LinuxSupport
import Synchronization

/// The terminal as one screen: its alternate buffer, without echo and line editing, so that what was there before is
/// there again at the end.
final class FullScreen: Sendable {
  private let saved: termios
  /// NO_COLOR (no-color.org): set and not empty, it keeps colours away.
  private let isColored: Bool
  private let isEntered = Mutex(false)

  /// Whether a whole screen can be drawn, and keys be read.
  static var isPossible: Bool {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    return Terminal.isInteractive && isatty(0) == 1 && !terminal.isEmpty && terminal != "dumb"
  }

  /// - Throws: `CommandFailure` where standard input is no terminal.
  init() throws {
    var saved = termios()
    guard tcgetattr(0, &saved) == 0 else { throw CommandFailure("standard input is no terminal") }
    self.saved = saved
    isColored = getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
  }

  /// Takes the screen.
  func enter() {
    isEntered.withLock { isEntered in
      var raw = saved
      // Ctrl-C stays a signal.
      raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
      withUnsafeMutableBytes(of: &raw.c_cc) { $0[Int(VSUSP)] = 0 }
      tcsetattr(0, TCSAFLUSH, &raw)
      // The alternate buffer; no cursor; a line that is too long is not broken.
      Terminal.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J")
      isEntered = true
    }
  }

  /// Gives the screen back and stops the process, until the shell continues it.
  func suspend() {
    leave()
    kill(0, SIGTSTP)
  }

  /// Gives the screen back, once.
  func leave() {
    isEntered.withLock { isEntered in
      guard isEntered else { return }
      isEntered = false
      Terminal.write("\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l")
      var saved = saved
      tcsetattr(0, TCSAFLUSH, &saved)
    }
  }

  /// Draws all lines over those that are there.
  func draw(_ lines: [StyledLine]) {
    let texts = lines.map { $0.rendered(isColored: isColored) + "\u{1b}[K" }
    isEntered.withLock { if $0 { Terminal.write("\u{1b}[H" + texts.joined(separator: "\r\n") + "\u{1b}[J") } }
  }

  /// What is typed, piece by piece; ends with the terminal.
  func input() throws -> AsyncStream<[UInt8]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
    try SystemThread.detach(name: "keys") {
      var buffer = [UInt8](repeating: 0, count: 256)
      while true {
        let count = read(0, &buffer, buffer.count)
        if count > 0 {
          continuation.yield(Array(buffer[..<count]))
        } else if count == 0 || errno != EINTR && errno != EAGAIN {
          return continuation.finish()
        }
      }
    }
    return stream
  }
}
