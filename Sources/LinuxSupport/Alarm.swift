import CLinux
import Glibc
import Synchronization

/// A timer for a thread that waits in `poll` or `epoll_wait`: a timerfd, readable once its time is over.
///
/// It can be set as often as there is a reason to: while it is set, that costs no system call.
public final class Alarm: Sendable {
  /// What to poll for readability.
  public let descriptor: Int32
  private let delay: itimerspec
  private let isSet = Atomic(false)

  /// An alarm that is not set.
  /// - Parameter delay: from setting it until it goes off.
  /// - Throws: `EMFILE` or `ENFILE` when no descriptor is left.
  public init(after delay: Duration) throws(SystemCallError) {
    let (seconds, attoseconds) = delay.components
    self.delay = itimerspec(
      it_interval: timespec(), it_value: timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000)))
    descriptor = timerfd_create(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .last("timerfd_create") }
  }

  deinit { close(descriptor) }

  /// Has it go off after the delay, unless it is set already. Any thread may call it.
  public func set() {
    if isSet.load(ordering: .relaxed) || isSet.exchange(true, ordering: .acquiringAndReleasing) { return }
    withUnsafePointer(to: delay) { _ = timerfd_settime(descriptor, 0, $0, nil) }
  }

  /// Takes note that it went off, so that it can be set again.
  public func drain() {
    var count: UInt64 = 0
    if read(descriptor, &count, MemoryLayout<UInt64>.size) > 0 { isSet.store(false, ordering: .releasing) }
  }
}
