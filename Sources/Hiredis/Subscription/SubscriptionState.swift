/// The wanted channels, and those that were sent to the server. Decides which commands to send; does no I/O.
struct SubscriptionState {
  private static let mostChannelsPerCommand = 1000

  private var wanted: Set<String> = []
  private var sent: Set<String> = []
  private var changed: Set<String> = []
  private var unconfirmed = 0

  /// The channels that were wanted when the link came up and are not confirmed yet; nil after `hasRecovered()`.
  private var recovering: Set<String>?

  /// Creates a state without channels.
  init() {}

  /// Whether confirmations are due.
  var awaitsReply: Bool { unconfirmed > 0 }

  /// Adds a channel.
  mutating func subscribe(_ channel: String) {
    if wanted.insert(channel).inserted { changed.insert(channel) }
  }

  /// Removes a channel.
  mutating func unsubscribe(_ channel: String) {
    if wanted.remove(channel) != nil { changed.insert(channel) }
    recovering?.remove(channel)
  }

  /// Starts again on a new socket: all wanted channels must be subscribed.
  mutating func reset() {
    sent = []
    changed = wanted
    recovering = wanted
    unconfirmed = 0
  }

  /// Notes that the socket was closed: no confirmation will arrive.
  mutating func discardServerState() {
    sent = []
    unconfirmed = 0
    recovering = nil
  }

  /// The next commands to send, each with many channels; nil when the server knows all.
  mutating func nextFrame() -> [UInt8]? {
    var additions: [String] = []
    var removals: [String] = []
    while additions.count + removals.count < Self.mostChannelsPerCommand, let channel = changed.popFirst() {
      if wanted.contains(channel) {
        if sent.insert(channel).inserted { additions.append(channel) }
      } else if sent.remove(channel) != nil {
        removals.append(channel)
      }
    }
    unconfirmed += additions.count + removals.count
    let frame = Self.frame("SUBSCRIBE", additions) + Self.frame("UNSUBSCRIBE", removals)
    return frame.isEmpty ? nil : frame
  }

  /// Notes that the server has confirmed a change of a channel.
  mutating func confirm(_ channel: String) {
    unconfirmed -= 1
    recovering?.remove(channel)
  }

  /// Whether all channels that were wanted when the link came up are confirmed; true once per socket.
  mutating func hasRecovered() -> Bool {
    guard let missing = recovering, missing.isEmpty else { return false }
    recovering = nil
    return true
  }

  private static func frame(_ verb: String, _ channels: [String]) -> [UInt8] {
    if channels.isEmpty { return [] }
    var command: RedisArguments = [verb]
    for channel in channels { command.append(channel) }
    return command.frame
  }
}
