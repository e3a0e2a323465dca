import CCurl
import Glibc
import LinuxSupport

/// An epoll instance, with libcurl's words for what sockets are ready for.
final class Epoll {
  /// Events that one call of `wait` reports at most.
  static let mostEvents = 64

  /// An event of a socket.
  struct Event {
    /// The descriptor.
    let socket: Int32
    /// The number that `watch` was given.
    let generation: UInt32
    /// Flags for libcurl; 0 makes it check the socket itself, as for a socket that is broken.
    let bits: Int32
  }

  /// The instance's own descriptor.
  let descriptor: Int32
  private let ready = UnsafeMutablePointer<epoll_event>.allocate(capacity: mostEvents)

  /// An instance without sockets.
  /// - Throws: `EMFILE` or `ENFILE` when no descriptor is left.
  init() throws(SystemCallError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw .last("epoll_create1") }
  }

  deinit {
    close(descriptor)
    ready.deallocate()
  }

  /// Waits for events; returns none after a number of milliseconds. They are valid until the next call.
  func wait(milliseconds: Int32) -> some Collection<Event> {
    let count = epoll_wait(descriptor, ready, Int32(Self.mostEvents), milliseconds)
    return UnsafeMutableBufferPointer(start: ready, count: max(0, Int(count))).lazy.map { event in
      let data = event.data.u64
      return Event(
        socket: Int32(truncatingIfNeeded: data), generation: UInt32(truncatingIfNeeded: data >> 32),
        bits: Self.bits(event.events))
    }
  }

  /// Watches a descriptor, or changes what for.
  func watch(_ watched: Int32, _ events: UInt32, generation: UInt32) {
    let data = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: watched))
    var event = epoll_event(events: events, data: epoll_data_t(u64: data))
    if epoll_ctl(descriptor, EPOLL_CTL_MOD, watched, &event) == 0 { return }
    let code = epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event)
    precondition(code == 0, "\(SystemCallError.last("epoll_ctl"))")
  }

  /// Ends the watch of a descriptor. Without effect on one that is closed.
  func remove(_ watched: Int32) {
    var event = epoll_event()
    epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, &event)
  }

  /// The kernel's events for what libcurl waits for; nil where that is nothing.
  static func events(_ what: Int32) -> UInt32? {
    switch what {
    case CURL_POLL_IN: EPOLLIN.rawValue
    case CURL_POLL_OUT: EPOLLOUT.rawValue
    case CURL_POLL_INOUT: EPOLLIN.rawValue | EPOLLOUT.rawValue
    default: nil
    }
  }

  private static func bits(_ events: UInt32) -> Int32 {
    guard events & ~(EPOLLIN.rawValue | EPOLLOUT.rawValue) == 0 else { return 0 }
    return (events & EPOLLIN.rawValue != 0 ? CURL_CSELECT_IN : 0)
      | (events & EPOLLOUT.rawValue != 0 ? CURL_CSELECT_OUT : 0)
  }
}
