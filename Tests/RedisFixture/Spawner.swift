import Dispatch
public import Glibc
import Synchronization

/// Starts processes that die with the test process, however it ends.
///
/// Linux sends the parent-death signal when the *thread* that started the child ends, so one thread starts them all
/// and never ends.
public final class Spawner: Sendable {
  /// The one of this process.
  public static let shared = Spawner()

  private let jobs = Mutex<[@Sendable () -> Void]>([])
  private let isNeeded = DispatchSemaphore(value: 0)

  private init() {
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Spawner>.fromOpaque(argument).takeUnretainedValue().run() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(status == 0, "no thread to start processes from")
  }

  /// Starts a program with its arguments.
  /// - Parameter command: begins with the program's path.
  public func spawn(_ command: [String]) -> pid_t {
    let birth = Birth()
    jobs.withLock { $0.append { birth.announce(Self.spawnHere(command)) } }
    isNeeded.signal()
    return birth.wait()
  }

  private func run() {
    while true {
      isNeeded.wait()
      jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }?()
    }
  }

  private static func spawnHere(_ command: [String]) -> pid_t {
    let words = ["/usr/bin/setpriv", "--pdeathsig", "KILL"] + command
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, words[0], nil, nil, &arguments, nil)
    precondition(status == 0, "cannot start \(words)")
    return pid
  }
}

/// The process id of a child, for the thread that asked for it.
private final class Birth: Sendable {
  private let pid = Mutex<pid_t>(0)
  private let happened = DispatchSemaphore(value: 0)

  func announce(_ child: pid_t) {
    pid.withLock { $0 = child }
    happened.signal()
  }

  func wait() -> pid_t {
    happened.wait()
    return pid.withLock { $0 }
  }
}
