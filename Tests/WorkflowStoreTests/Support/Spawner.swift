import Dispatch
import Glibc
import Synchronization

/// Starts programs that are killed when this process ends, however it ends.
///
/// The kernel counts the end of the *thread* that started them; so one thread, which never ends, starts them all.
final class Spawner: Sendable {
  static let shared = Spawner()

  private let orders = Mutex<[Order]>([])
  private let hasOrder = DispatchSemaphore(value: 0)

  private init() {
    var thread = pthread_t()
    let status = pthread_create(&thread, nil, { _ in Spawner.shared.serve() }, nil)
    precondition(status == 0, "there is no thread to start programs from")
  }

  /// Starts a program with its arguments, and returns its process id.
  func start(_ command: [String]) -> pid_t {
    let order = Order(command)
    orders.withLock { $0.append(order) }
    hasOrder.signal()
    return order.wait()
  }

  private func serve() -> Never {
    while true {
      hasOrder.wait()
      orders.withLock { $0.removeFirst() }.carryOut()
    }
  }
}

/// A program to be started, and whom to tell of it.
private final class Order: Sendable {
  private let command: [String]
  private let pid = Atomic<pid_t>(0)
  private let isDone = DispatchSemaphore(value: 0)

  init(_ command: [String]) { self.command = ["/usr/bin/setpriv", "--pdeathsig", "KILL"] + command }

  func carryOut() {
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, command[0], nil, nil, &arguments, nil)
    precondition(status == 0, "\(command[0]) cannot be started")
    pid.store(child, ordering: .releasing)
    isDone.signal()
  }

  func wait() -> pid_t {
    isDone.wait()
    return pid.load(ordering: .acquiring)
  }
}
