import Glibc
import Synchronization

/// One client's connection, closed with its last user.
final class ClientConnection: Sendable {
  /// Why a pause was over.
  enum PauseEnd {
    case timeOver
    case released
    case clientLeft
    case closed
  }

  private enum State {
    case busy
    case pausing
    case released
    case closed
    case reset
  }

  private let descriptor: Int32
  private let state = Mutex(State.busy)

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { Glibc.close(descriptor) }

  /// What has arrived; empty at the end of the connection.
  func receive() -> [UInt8] {
    let length = 1 << 16
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      count = max(0, recv(descriptor, buffer.baseAddress, length, 0))
    }
  }

  /// Returns whether the connection took it all.
  @discardableResult
  func send(_ bytes: some Collection<UInt8>) -> Bool {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// From here on `release()` counts.
  func beginPause() {
    state.withLock { if $0 == .busy { $0 = .pausing } }
  }

  /// Waits for the end of the pause. Nobody sends a second request before the answer to the first, so a socket that
  /// becomes readable has come to its end.
  /// - Parameters:
  ///   - limit: how long at most; nil for as long as it takes.
  ///   - isLast: false when another pause follows, which a release in this one ends too.
  func pause(for limit: Duration?, isLast: Bool = true) -> PauseEnd {
    var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let milliseconds = limit.map { Int32($0 / .milliseconds(1)) } ?? -1
    let isTimeOver = poll(&socket, 1, milliseconds) == 0
    return state.withLock { state in
      defer { if isLast, state == .pausing || state == .released { state = .busy } }
      switch state {
      case .released: return .released
      case .closed, .reset: return .closed
      case .busy, .pausing: return isTimeOver ? .timeOver : .clientLeft
      }
    }
  }

  /// Has the connection end by a reset, with its last user.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, Int32(SO_LINGER), &option, socklen_t(MemoryLayout<linger>.size))
    state.withLock { $0 = .reset }
  }

  /// Ends a pause. Nothing is read from the connection afterwards.
  func release() {
    state.withLock { state in
      guard state == .pausing else { return }
      state = .released
      shutdown(descriptor, Int32(SHUT_RD))
    }
  }

  /// Ends the connection for both sides, whoever still holds its descriptor.
  func close() {
    let isReset = state.withLock { state in
      defer { if state != .reset { state = .closed } }
      return state == .reset
    }
    // The end of the connection in good order would go before the reset.
    if !isReset { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }
}
