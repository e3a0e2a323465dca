import CLinux
import Glibc
import SystemPackage
import UnixSignals

/// Runs a command and ends its child processes with it, those too that have left its process group or lost their
/// parent.
///
/// This process is a subreaper (prctl(2)): the kernel makes it the parent of every orphan among its descendants. The
/// command stays in the process group of whoever started it, so that it may read from the terminal and gets its Ctrl-C.
struct CommandSupervisor: Sendable {
  let command: [String]
  /// How long the command may take to end after SIGTERM.
  private let grace = Duration.seconds(5)

  /// Runs the command until it ends, or until the second SIGTERM or SIGHUP, or a SIGUSR1.
  /// - Returns: its exit code; 128 and the signal's number when a signal has ended it.
  func run() async throws -> Int32 {
    guard clinux_become_subreaper() == 0 else { throw Errno(rawValue: errno) }
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sighup, .sigint, .sigusr1)
    let child = try start()
    let stop = Task { await forward(signals, to: child) }
    defer { stop.cancel() }
    var status: Int32 = 0
    while true {
      let id = waitpid(-1, &status, 0)
      if id == child { break }
      if id < 0 && errno != EINTR { throw Errno(rawValue: errno) }
    }
    killDescendants()
    // wait(2): the low seven bits are the signal, the next byte is the exit code.
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// Starts the command with the default disposition of every signal.
  private func start() throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, command[0], nil, &attributes, &words, environ)
    guard code == 0 else {
      throw CommandFailure("\(command[0]): \(Errno(rawValue: code))", code: code == ENOENT ? .notFound : .notExecutable)
    }
    return child
  }

  /// SIGTERM and SIGHUP stop the command, SIGUSR1 kills it; SIGINT reaches it from the terminal.
  private func forward(_ signals: UnixSignalsSequence, to child: pid_t) async {
    var requests = StopRequests()
    for await signal in signals where signal != .sigint {
      if signal == .sigusr1 { return killDescendants() }
      guard requests.take() else { continue }
      guard requests.count == 1 else { return killDescendants() }
      kill(child, SIGTERM)
      Task {
        try await Task.sleep(for: grace)
        kill(child, SIGKILL)
      }
    }
  }

  /// Kills every child, and those that become children when their parents die, until there is none.
  private func killDescendants() {
    while true {
      for id in CommandSupervisor.children() { kill(id, SIGKILL) }
      if waitpid(-1, nil, 0) < 0 && errno == ECHILD { return }
    }
  }

  /// The processes whose parent this process is, as `/proc/PID/stat` shows (proc(5)).
  private static func children() -> [pid_t] {
    Files.entries(of: "/proc").compactMap { name in
      guard let id = pid_t(name), let text = try? Files.read("/proc/\(name)/stat") else { return nil }
      // The name of the program, in parentheses, may hold anything.
      let fields = String(decoding: text, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 1 && pid_t(fields[1]) == getpid() ? id : nil
    }
  }
}
