import CLinux
import Glibc

/// Wakes threads that wait in `poll` or `epoll_wait`: an eventfd, readable from the first `wake()` until `drain()`.
public final class Waker: Sendable {
  /// What to poll for readability.
  public let descriptor: Int32

  /// A waker that is not readable.
  /// - Throws: `EMFILE` or `ENFILE` when no descriptor is left.
  public init() throws(SystemCallError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw .last("eventfd") }
  }

  deinit { close(descriptor) }

  /// Wakes the threads that wait, or the next that will. Any thread may call it.
  public func wake() { eventfd_write(descriptor, 1) }

  /// Takes back every `wake()` so far; without effect when there was none.
  public func drain() {
    var count: eventfd_t = 0
    eventfd_read(descriptor, &count)
  }

  /// Waits in `poll` until it is readable.
  /// - Parameter milliseconds: how long at most; -1 for as long as it takes.
  /// - Returns: false when the time was over first.
  public func wait(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }
}
