import CFastCGI
import Glibc

/// The kernel's list of descriptors to wait for; any thread may change it, and several may wait on it.
final class Epoll: Sendable {
  /// What to wait for, and how often to be told.
  struct Interest: OptionSet {
    /// The kernel's bits.
    let rawValue: UInt32
    /// There is something to read, or the end.
    static let readable = Interest(rawValue: EPOLLIN.rawValue)
    /// There is room to write.
    static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// The peer has closed its end, at least for writing.
    static let hangUp = Interest(rawValue: EPOLLRDHUP.rawValue)
    /// Told once, to one thread; then `rearm` is needed.
    static let once = Interest(rawValue: EPOLLONESHOT.rawValue)
    /// Told when something arrives rather than while something is there.
    static let edge = Interest(rawValue: EPOLLET.rawValue)
  }

  /// A descriptor that something has happened to.
  struct Event {
    /// The one that was added.
    let descriptor: Int32
    /// Whether its peer has closed or the connection is broken.
    let isHangUp: Bool
  }

  private let descriptor: Int32

  /// An empty list.
  init() throws(FastCGIError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw .lastSystemError("epoll_create1") }
  }

  deinit { close(descriptor) }

  /// False when the kernel has no room for one more.
  func add(_ watched: Int32, _ interest: Interest) -> Bool {
    control(EPOLL_CTL_ADD, watched, interest) == 0
  }

  /// Waits for a descriptor again, or for something else of it; tells at once if it is ready now. One that has been
  /// removed stays so.
  func rearm(_ watched: Int32, _ interest: Interest) {
    control(EPOLL_CTL_MOD, watched, interest)
  }

  /// No more events of a descriptor; one that was not watched is fine.
  func remove(_ watched: Int32) {
    control(EPOLL_CTL_DEL, watched, [])
  }

  /// The next event, one at a time: what a thread is held up by must not hold up its next events too.
  ///
  /// - Parameter timeout: in milliseconds, -1 for ever
  func wait(timeout: Int32 = -1) -> Event? {
    var event = epoll_event()
    guard epoll_wait(descriptor, &event, 1, timeout) > 0 else { return nil }
    let hangUp = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
    return Event(descriptor: event.data.fd, isHangUp: event.events & hangUp != 0)
  }

  @discardableResult
  private func control(_ operation: Int32, _ watched: Int32, _ interest: Interest) -> Int32 {
    var event = epoll_event()
    event.events = interest.rawValue
    event.data.fd = watched
    return epoll_ctl(descriptor, operation, watched, &event)
  }
}
