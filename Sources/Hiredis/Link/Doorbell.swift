import CHiredis
import Glibc

/// Wakes a thread that sleeps in `poll`; an eventfd.
///
/// May be rung by any thread.
final class Doorbell: Sendable {
  /// Readable from the first ring until `silence()`.
  let descriptor: Int32

  /// A doorbell that has not been rung.
  init() {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    precondition(descriptor >= 0, "no file descriptor left for an eventfd: raise the limit (LimitNOFILE)")
  }

  deinit { _ = Glibc.close(descriptor) }

  /// Wakes the sleeper, now or as soon as it would sleep.
  func ring() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Takes back all rings so far.
  func silence() {
    var rings: UInt64 = 0
    _ = read(descriptor, &rings, 8)
  }
}
