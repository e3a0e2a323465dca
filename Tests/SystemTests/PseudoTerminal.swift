import Glibc
import LinuxSupport
import Subprocess
import Synchronization
import SystemHarness
import SystemPackage

/// A command in a terminal (pty(7)) whose other end is the test.
final class PseudoTerminal: Sendable {
  private let master: FileDescriptor
  private let shown = Mutex<[UInt8]>([])
  private let isRead = Flag()
  private let process: Task<TerminationStatus, any Error>

  /// Starts a command as the leader of a session whose controlling terminal this is, so that typed keys are signals.
  /// - Parameters:
  ///   - columns: the width; the terminal has 24 rows.
  ///   - program: the command, if it is another than `wf`.
  init(
    _ arguments: [String], of program: String = Stack.executable, columns: UInt16 = 80, settings: [String: String] = [:]
  ) throws {
    let options: FileDescriptor.OpenOptions = [.init(rawValue: O_NOCTTY), .closeOnExec]
    master = try FileDescriptor.open("/dev/ptmx", .readWrite, options: options)
    let descriptor = master.rawValue
    // ioctl_tty(2): unlocks the other end, and tells its number.
    var (lock, number): (Int32, UInt32) = (0, 0)
    guard ioctl(descriptor, 0x4004_5431, &lock) == 0, ioctl(descriptor, 0x8004_5430, &number) == 0 else {
      throw Errno(rawValue: errno)
    }
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    guard ioctl(descriptor, UInt(TIOCSWINSZ), &size) == 0 else { throw Errno(rawValue: errno) }
    let terminal = try FileDescriptor.open(FilePath("/dev/pts/\(number)"), .readWrite, options: options)
    let environment = Environment.ofTests(settings.merging(["TERM": "xterm"]) { own, _ in own })
    process = Task {
      defer { try? terminal.close() }
      let result = try await Subprocess.run(
        .name("setsid"), arguments: Arguments(["--ctty", "--wait", program] + arguments),
        environment: environment, input: .fileDescriptor(terminal, closeAfterSpawningProcess: false),
        output: .fileDescriptor(terminal, closeAfterSpawningProcess: false),
        error: .fileDescriptor(terminal, closeAfterSpawningProcess: false))
      return result.terminationStatus
    }
    try SystemThread.detach(name: "terminal") { [self] in
      var buffer = [UInt8](repeating: 0, count: 4_096)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0, errno != EINTR { return isRead.set() }
        if count > 0 { shown.withLock { $0 += buffer[..<count] } }
      }
    }
  }

  /// All that was shown, or what was shown since `forget()`.
  var text: String { shown.withLock { String(decoding: $0, as: UTF8.self) } }

  /// Forgets what was shown so far.
  func forget() { shown.withLock { $0 = [] } }

  /// Types keys.
  func type(_ keys: String) { _ = try? master.writeAll(keys.utf8) }

  /// Changes the width.
  func resize(columns: UInt16) {
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master.rawValue, UInt(TIOCSWINSZ), &size)
  }

  /// Waits until a text is on the last screen that was drawn.
  /// - Parameter other: a text that must not be there.
  func wait(for part: String, without other: String? = nil) async throws {
    _ = try await SystemHarness.wait("\(part) in \(text.suffix(4_000))") {
      // A screen begins with the cursor's way home.
      let screens = text.components("\u{1b}[H")
      return screens.contains { $0.contains(part) && !(other.map($0.contains) ?? false) } ? true : nil
    }
  }

  /// Waits for the end of the command, and until all that it has shown was read.
  /// - Returns: its exit code.
  func end() async throws -> Int32 {
    guard case .exited(let code) = try await process.value else { throw StackFailure("wf was ended by a signal") }
    _ = try await SystemHarness.wait("the end of what is shown") { isRead.isSet ? true : nil }
    return code
  }

  /// Ends what is still running.
  func close() {
    type("\u{3}")
    try? master.close()
  }
}

extension String {
  /// The parts between a mark, the last two of them: the one before last is whole.
  fileprivate func components(_ mark: String) -> [Substring] { Array(split(separator: mark).suffix(2)) }
}
