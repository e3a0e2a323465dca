import Synchronization

/// How many callbacks a worker sends at one time, and to whom. A receiver that fails gets one at a time until it
/// answers, so that it takes no slots from the others.
final class CallbackSlots: Sendable {
  /// Callbacks at one time.
  static let most = 64
  /// Callbacks to one receiver at one time.
  static let mostPerHost = 16
  /// Receivers that are remembered although nothing is sent to them.
  private static let mostKnown = 200

  private struct Host {
    var sending = 0
    /// How long the last attempt took, or how long the receiver has asked to wait.
    var pace = Duration.milliseconds(100)
    var isFailing = false
  }

  private let hosts = Mutex<[String: Host]>([:])

  /// How many more may be sent.
  var free: Int { Self.most - sending }

  /// How many are being sent.
  var sending: Int { hosts.withLock { $0.values.reduce(0) { $0 + $1.sending } } }

  /// Receivers that may get another number than most: how many more, and for how long the others are put off.
  var rooms: [(host: String, room: Int, pause: Duration)] {
    hosts.withLock { hosts in
      hosts.map { name, host in
        (name, max(0, (host.isFailing ? 1 : Self.mostPerHost) - host.sending), host.pace)
      }
    }
  }

  func begin(_ host: String) { hosts.withLock { $0[host, default: Host()].sending += 1 } }

  /// - Parameter pace: how long it took, or how long the receiver has asked to wait.
  func end(_ host: String, pace: Duration, hasFailed: Bool) {
    hosts.withLock { hosts in
      var known = hosts[host] ?? Host()
      known.sending = max(0, known.sending - 1)
      known.pace = min(max(pace, .milliseconds(100)), .seconds(60))
      known.isFailing = hasFailed
      let isRemembered = known.sending > 0 || hasFailed && hosts.count < Self.mostKnown
      hosts[host] = isRemembered ? known : nil
    }
  }
}
