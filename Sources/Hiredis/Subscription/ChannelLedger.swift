/// Which channels are wanted, and what of that the server has been told.
///
/// Decides only; it touches no socket.
struct ChannelLedger {
  private static let mostChannelsPerCommand = 1000

  private var wanted: Set<String> = []
  private var told: Set<String> = []
  private var changed: Set<String> = []
  private var unconfirmed = 0

  /// The channels that were wanted when the link came up and are not confirmed yet; nil once that was announced.
  private var recovering: Set<String>?

  /// No channels.
  init() {}

  /// True while the server owes confirmations.
  var awaitsReply: Bool { unconfirmed > 0 }

  /// A channel is wanted from now on.
  mutating func subscribe(_ channel: String) {
    if wanted.insert(channel).inserted { changed.insert(channel) }
  }

  /// A channel is not wanted any more.
  mutating func unsubscribe(_ channel: String) {
    if wanted.remove(channel) != nil { changed.insert(channel) }
    recovering?.remove(channel)
  }

  /// A fresh socket: the server knows of no channel.
  mutating func beginAnew() {
    told = []
    changed = wanted
    recovering = wanted
    unconfirmed = 0
  }

  /// The socket is gone, and the confirmations with it.
  mutating func forgetServer() {
    told = []
    unconfirmed = 0
    recovering = nil
  }

  /// The next commands to send, or nil when the server knows all.
  ///
  /// Takes many channels at once.
  mutating func nextFrame() -> [UInt8]? {
    var additions: [String] = []
    var removals: [String] = []
    while additions.count + removals.count < Self.mostChannelsPerCommand, let channel = changed.popFirst() {
      if wanted.contains(channel) {
        if told.insert(channel).inserted { additions.append(channel) }
      } else if told.remove(channel) != nil {
        removals.append(channel)
      }
    }
    unconfirmed += additions.count + removals.count
    let frame = Self.frame("SUBSCRIBE", additions) + Self.frame("UNSUBSCRIBE", removals)
    return frame.isEmpty ? nil : frame
  }

  /// The server has confirmed that a channel came or went.
  mutating func confirm(_ channel: String) {
    unconfirmed -= 1
    recovering?.remove(channel)
  }

  /// True once for each socket: when all channels that were wanted at its start are confirmed.
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
