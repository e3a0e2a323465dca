import CFastCGI
import Glibc

/// An epoll instance. Any thread may change it, and several may wait on it.
final class Epoll: Sendable {
  /// The events to wait for, and how often they are reported.
  struct Interest: OptionSet {
    /// The kernel's bits.
    let rawValue: UInt32
    /// There is input or end of file.
    static let readable = Interest(rawValue: EPOLLIN.rawValue)
    /// There is room to write.
    static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// The peer has closed its end, at least for writing.
    static let hangUp = Interest(rawValue: EPOLLRDHUP.rawValue)
    /// One event, to one thread; the next one needs `rearm`.
    static let once = Interest(rawValue: EPOLLONESHOT.rawValue)
    /// An event when input arrives, not while there is input.
    static let edge = Interest(rawValue: EPOLLET.rawValue)
  }

  /// An event of a descriptor.
  struct Event {
    /// The descriptor that was added.
    let descriptor: Int32
    /// Whether the peer has closed its end or the connection is broken.
    let isHangUp: Bool
  }

  private let descriptor: Int32

  /// An instance without descriptors.
  init() throws(FastCGIError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw .lastSystemError("epoll_create1") }
  }

  deinit { close(descriptor) }

  /// Adds a descriptor.
  /// - Returns: false when the kernel has no room for another one.
  func add(_ watched: Int32, _ interest: Interest) -> Bool {
    control(EPOLL_CTL_ADD, watched, interest) == 0
  }

  /// Changes the events of a descriptor, or enables them again; an event that is due is reported at once. Without
  /// effect on a descriptor that was removed.
  func rearm(_ watched: Int32, _ interest: Interest) {
    control(EPOLL_CTL_MOD, watched, interest)
  }

  /// Removes a descriptor. Without effect if it was not added.
  func remove(_ watched: Int32) {
    control(EPOLL_CTL_DEL, watched, [])
  }

  /// Waits for the next event. One at a time: further events go to other threads while this one is busy.
  /// - Parameter timeout: in milliseconds; -1 for none.
  /// - Returns: nil after the timeout or an interruption.
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
