import DequeModule

/// The wanted channels of one node of a cluster, and those that were sent to it. Decides which commands to send; does
/// no I/O.
///
/// A node ends a subscription by itself when its slot is served by another one. It may refuse one for the same reason.
/// Both are tried again after a while, unless the channel is not wanted here any more.
struct ShardChannels {
  private static let mostChannelsPerCommand = 1000

  /// A command whose replies are due: one for each channel, or an error.
  private struct Command {
    let isAddition: Bool
    let channels: [String]
    var confirmed = 0
  }

  private var wanted: Set<String> = []
  private var sent: Set<String> = []
  private var changed: Set<String> = []
  private var refused: Set<String> = []
  private var outstanding = Deque<Command>()

  /// The channels that were wanted when the link came up, or were at another node before, and are not confirmed yet;
  /// nil after `hasRecovered()`.
  private var recovering: Set<String>?

  /// Creates a state without channels.
  init() {}

  /// Whether replies are due.
  var awaitsReply: Bool { !outstanding.isEmpty }

  /// Whether channels are to be tried again.
  var hasRefused: Bool { !refused.isEmpty }

  /// Adds a channel.
  /// - Parameter hasMoved: whether messages may have been missed, since another node served it before.
  mutating func subscribe(_ channel: String, hasMoved: Bool) {
    guard wanted.insert(channel).inserted else { return }
    changed.insert(channel)
    if hasMoved { recovering = (recovering ?? []).union([channel]) }
  }

  /// Removes a channel.
  mutating func unsubscribe(_ channel: String) {
    if wanted.remove(channel) != nil { changed.insert(channel) }
    refused.remove(channel)
    recovering?.remove(channel)
  }

  /// Starts again on a new socket: all wanted channels must be subscribed.
  mutating func reset() {
    discardServerState()
    changed = wanted
    recovering = wanted
  }

  /// Notes that the socket was closed: no confirmation will arrive.
  mutating func discardServerState() {
    sent = []
    refused = []
    outstanding = []
    recovering = nil
  }

  /// The next commands to send, each with many channels of one slot; nil when the server knows all.
  mutating func nextFrame() -> [UInt8]? {
    var additions: [Int: [String]] = [:]
    var removals: [Int: [String]] = [:]
    var room = Self.mostChannelsPerCommand
    while room > 0, let channel = changed.popFirst() {
      room -= 1
      if wanted.contains(channel) {
        if sent.insert(channel).inserted { additions[KeySlot.of(channel), default: []].append(channel) }
      } else if sent.remove(channel) != nil {
        removals[KeySlot.of(channel), default: []].append(channel)
      }
    }
    let commands =
      additions.values.map { Command(isAddition: true, channels: $0) }
      + removals.values.map { Command(isAddition: false, channels: $0) }
    outstanding += commands
    return commands.isEmpty ? nil : RedisArguments.frame(of: commands.map(Self.words))
  }

  /// Notes that the node has confirmed a channel.
  mutating func confirm(_ channel: String) {
    countReply()
    recovering?.remove(channel)
  }

  /// Notes that a channel is not subscribed any more.
  /// - Returns: whether that was asked for; otherwise the node has done it by itself.
  mutating func confirmRemoval(_ channel: String) -> Bool {
    if let command = outstanding.first, !command.isAddition, command.channels[command.confirmed] == channel {
      countReply()
      return true
    }
    sent.remove(channel)
    if wanted.contains(channel) { refuse(channel) }
    return false
  }

  /// Notes that the node has refused the oldest command.
  mutating func refuse() {
    guard let command = outstanding.popFirst(), command.isAddition else { return }
    for channel in command.channels {
      sent.remove(channel)
      if wanted.contains(channel) { refuse(channel) }
    }
  }

  /// Tries what was refused again.
  mutating func retry() {
    changed.formUnion(refused)
    refused = []
  }

  /// Whether all channels are confirmed whose messages may have been missed; true once each time.
  mutating func hasRecovered() -> Bool {
    guard let missing = recovering, missing.isEmpty else { return false }
    recovering = nil
    return true
  }

  private mutating func refuse(_ channel: String) {
    refused.insert(channel)
    recovering = (recovering ?? []).union([channel])
  }

  private mutating func countReply() {
    guard !outstanding.isEmpty else { return }
    outstanding[0].confirmed += 1
    if outstanding[0].confirmed == outstanding[0].channels.count { outstanding.removeFirst() }
  }

  private static func words(_ command: Command) -> RedisArguments {
    var words: RedisArguments = command.isAddition ? ["SSUBSCRIBE"] : ["SUNSUBSCRIBE"]
    for channel in command.channels { words.append(channel) }
    return words
  }
}
