import CFastCGI
import Glibc

/// Something that threads wait for together with their descriptors: readable from `raise` until `lower`.
final class Signal: Sendable {
  /// For an epoll: readable while the signal is raised.
  let descriptor: Int32

  /// A signal that is not raised.
  init() throws(FastCGIError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw .lastSystemError("eventfd") }
  }

  deinit { close(descriptor) }

  /// Wakes everyone who waits, now and until `lower`.
  func raise() {
    eventfd_write(descriptor, 1)
  }

  /// Takes the signal back; without effect when it is not raised.
  func lower() {
    var count: eventfd_t = 0
    eventfd_read(descriptor, &count)
  }

  /// Waits for it; false when it was not raised in that time.
  ///
  /// - Parameter timeout: in milliseconds
  func wait(timeout: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, timeout) > 0
  }
}
