import CCurl
import Glibc
import LinuxSupport

/// What the client's thread waits for: the sockets and the time that libcurl names, and commands.
///
/// Sockets that are gathered are read together, with a pause in between that grows with their number: each then has
/// more to read at a time, and what a read costs is shared. `gathered`, a nested epoll instance, becomes readable when
/// one of them is ready. It is itself watched, once for each time that they are read.
///
/// Only that thread may use it. libcurl calls it back in most of its functions, so it must outlive the multi handle.
final class SocketPoller {
  /// The pause for each socket that is gathered, and the longest one: with that, each is read four times a second.
  private static let pauseForEach = Duration.microseconds(250)
  private static let longestPause = Duration.milliseconds(250)

  private let all: Epoll
  private let gathered: Epoll
  private var watches: [Int32: Watch] = [:]
  private var generation: UInt32 = 0
  private var gatheredCount = 0
  private var gathering = Gathering.idle
  /// When the gathered sockets were begun to be read last.
  private var lastRead = MonotonicInstant.now
  private let waker: Waker
  /// When libcurl wants to be called although no socket is ready; nil for never.
  private var deadline: MonotonicInstant?

  private enum Gathering {
    /// No gathered socket is ready.
    case idle
    /// One is; all are read once the pause is over.
    case due
    /// This number of sockets is still to be read before the next pause.
    case reading(left: Int)
  }

  /// A socket that is watched.
  private struct Watch {
    var events: UInt32
    /// Distinguishes an event of this socket from one of an earlier socket that had the same number.
    let generation: UInt32
    /// The transfer that began the watch.
    let easy: UnsafeMutableRawPointer
    var isGathered = false
  }

  /// A poller without sockets.
  /// - Parameter waker: ends a wait.
  /// - Throws: `EMFILE` or `ENFILE` when no descriptor is left.
  init(waker: Waker) throws(SystemCallError) {
    self.waker = waker
    all = try Epoll()
    gathered = try Epoll()
    all.watch(waker.descriptor, EPOLLIN.rawValue, generation: 0)
    all.watch(gathered.descriptor, Self.once, generation: 0)
  }

  /// Has a multi handle report what it waits for.
  func attach(to multi: MultiHandle) {
    let this = Unmanaged.passUnretained(self).toOpaque()
    multi.setCallbacks(
      { easy, socket, what, this, _ in
        SocketPoller.from(this).watch(socket, what, easy)
        return 0
      },
      { _, milliseconds, this in
        SocketPoller.from(this).call(in: milliseconds)
        return 0
      }, this)
  }

  /// Waits until a socket is ready, a command comes, libcurl's time has come, or a number of milliseconds are over.
  /// - Parameters:
  ///   - act: is called for each ready socket, with libcurl's bits; it may change what is watched.
  ///   - gathers: whether the socket of a transfer is to be gathered from now on.
  func wait(
    atMost milliseconds: Int32, _ act: (_ socket: Int32, _ bits: Int32) -> Void,
    gathers: (_ easy: UnsafeMutableRawPointer) -> Bool
  ) {
    for event in all.wait(milliseconds: min(milliseconds, untilDeadline, untilRead)) {
      switch event.socket {
      case waker.descriptor: waker.drain()
      case gathered.descriptor: gathering = .due
      default:
        guard watches[event.socket]?.generation == event.generation else { continue }
        act(event.socket, event.bits)
        if let watch = watches[event.socket], !watch.isGathered, gathers(watch.easy) { gather(event.socket, watch) }
      }
    }
    if untilRead == 0 { readGathered(act) }
  }

  /// Whether libcurl must be called now because of the time.
  var isDue: Bool { deadline.map { $0 <= .now } ?? false }

  /// Has libcurl called in a number of milliseconds; -1 for never.
  func call(in milliseconds: Int) {
    deadline = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
  }

  private var untilDeadline: Int32 { deadline.map { Self.milliseconds(until: $0) } ?? .max }

  private var untilRead: Int32 {
    switch gathering {
    case .idle: .max
    case .due: Self.milliseconds(until: lastRead + pause)
    case .reading: 0
    }
  }

  private var pause: Duration { min(Self.pauseForEach * gatheredCount, Self.longestPause) }

  /// Rounded up.
  private static func milliseconds(until instant: MonotonicInstant) -> Int32 {
    let rest = instant - .now
    return rest <= .zero ? 0 : Int32(clamping: rest.milliseconds + 1)
  }

  // MARK: Gathered sockets

  private static let once = EPOLLIN.rawValue | EPOLLONESHOT.rawValue

  private func gather(_ socket: Int32, _ watch: Watch) {
    all.remove(socket)
    gathered.watch(socket, watch.events, generation: watch.generation)
    watches[socket]?.isGathered = true
    gatheredCount += 1
  }

  /// Reads the next of the gathered sockets that are ready; what else is ready has its turn in between.
  private func readGathered(_ act: (_ socket: Int32, _ bits: Int32) -> Void) {
    var rest = gatheredCount
    if case .reading(let left) = gathering { rest = left } else { lastRead = .now }
    let events = gathered.wait(milliseconds: 0)
    for event in events where watches[event.socket]?.generation == event.generation { act(event.socket, event.bits) }
    rest -= events.count
    if rest > 0, events.count == Epoll.mostEvents {
      gathering = .reading(left: rest)
    } else {
      gathering = .idle
      all.watch(gathered.descriptor, Self.once, generation: 0)
    }
  }

  // MARK: libcurl's callbacks

  /// Begins, changes or ends the watch of a socket. libcurl ends it before it closes the socket.
  private func watch(_ socket: Int32, _ what: Int32, _ easy: UnsafeMutableRawPointer?) {
    guard let easy, let events = Epoll.events(what) else {
      guard let watch = watches.removeValue(forKey: socket) else { return }
      if watch.isGathered { gatheredCount -= 1 }
      return (watch.isGathered ? gathered : all).remove(socket)
    }
    var watch = watches[socket]
    if watch == nil {
      generation &+= 1
      watch = Watch(events: events, generation: generation, easy: easy)
    }
    guard var watch else { return }
    watch.events = events
    watches[socket] = watch
    (watch.isGathered ? gathered : all).watch(socket, events, generation: watch.generation)
  }

  private static func from(_ this: UnsafeMutableRawPointer?) -> SocketPoller {
    guard let this else { preconditionFailure("libcurl passes on its data") }
    return Unmanaged<SocketPoller>.fromOpaque(this).takeUnretainedValue()
  }
}
