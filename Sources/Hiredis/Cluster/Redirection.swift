/// What the reply of a node means for the way of a command through the cluster. Decides only.
enum Redirection: Sendable, Equatable {
  /// Another node serves the slot.
  case moved(slot: Int, to: RedisAddress.Host)
  /// The slot is being moved, and the key is at the other node already, or is to be made there.
  case ask(RedisAddress.Host)
  /// The slot cannot be used for the time being.
  case later(LinkFailure)

  /// Looks at the outcome of a command or of several in one frame.
  ///
  /// A script waits while its slot is being moved: its keys are at two nodes then, and it names only some of them.
  /// Several commands wait too, since ASKING is for the next command alone.
  /// - Parameters:
  ///   - node: the node that answered.
  ///   - isScript: whether it runs a script.
  /// - Returns: nil if the outcome is final.
  init?(_ outcome: Waiter.Outcome, from node: RedisAddress.Host, isScript: Bool, commands: Int) {
    guard let error = Self.error(in: outcome, commands: commands) else { return nil }
    switch error.code {
    case "MOVED", "ASK":
      guard let (slot, host) = Self.target(error.message, from: node) else { return nil }
      if error.code == "MOVED" {
        self = .moved(slot: slot, to: host)
      } else {
        self = isScript || commands > 1 ? .later(.slotIsMoved(error)) : .ask(host)
      }
    case "TRYAGAIN": self = .later(.slotIsMoved(error))
    case "CLUSTERDOWN": self = .later(.clusterIsDown(error))
    default:
      guard isScript, Self.isRefusalOfGuard(error) else { return nil }
      self = .later(.slotIsMoved(error))
    }
  }

  /// Whether a part of several commands was executed although others were redirected. Of a script and what follows it
  /// only the script counts.
  static func hasBegun(_ outcome: Waiter.Outcome, isScript: Bool, commands: Int) -> Bool {
    guard commands > 1, case .success(.array(let replies)) = outcome else { return false }
    return replies.prefix(isScript ? 1 : commands).contains { if case .error = $0 { false } else { true } }
  }

  /// The first error that redirects. A slot may be moved between two commands of a frame.
  private static func error(in outcome: Waiter.Outcome, commands: Int) -> RedisReplyError? {
    switch outcome {
    case .failure(.reply(let error)): return error
    case .success(.array(let replies)) where commands > 1:
      let errors = replies.lazy.compactMap { reply in if case .error(let error) = reply { error } else { nil } }
      return errors.first { ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].contains($0.code) || isRefusalOfGuard($0) }
    default: return nil
    }
  }

  /// What the line that ``RedisScript`` puts into every script raises while the slot is being moved: `Script attempted
  /// to access a non local key in a cluster node`, in Valkey 9 `Attempted to access …`.
  private static func isRefusalOfGuard(_ error: RedisReplyError) -> Bool {
    error.message.contains("ttempted to access a non local key in a cluster node")
  }

  /// Reads `8579 127.0.0.1:18221`; without a host it is that of the node that answered.
  private static func target(
    _ text: String, from node: RedisAddress.Host
  ) -> (slot: Int, host: RedisAddress.Host)? {
    let words = text.split(separator: " ")
    guard words.count >= 2, let slot = Int(words[0]), (0..<KeySlot.count).contains(slot),
      let colon = words[1].lastIndex(of: ":"), let port = UInt16(words[1][colon...].dropFirst()), port > 0
    else { return nil }
    let name = String(words[1][..<colon])
    return (slot, RedisAddress.Host(name: name.isEmpty ? node.name : name, port: Int(port)))
  }
}

extension LinkFailure {
  /// The keys of a slot are at two nodes.
  static func slotIsMoved(_ error: RedisReplyError) -> Self {
    LinkFailure(
      "the slot of these keys is being moved to another node of the Redis Cluster, and wf waits for the end (\(error))",
      remedy: "redis-cli --cluster check says which slots are open, and --cluster fix ends a move that was broken off")
  }

  /// The cluster takes no commands for a slot, or for any.
  static func clusterIsDown(_ error: RedisReplyError) -> Self {
    LinkFailure(
      "\(error)",
      remedy:
        "redis-cli --cluster check says which slots no node serves; with cluster-require-full-coverage no the others "
        + "are served all the same")
  }

  /// The map has no node for a slot.
  static func slotIsNotServed(_ slot: Int) -> Self {
    LinkFailure(
      "no node of the Redis Cluster serves slot \(slot)",
      remedy: "redis-cli --cluster check says which slots are not served, and --cluster fix gives them to nodes")
  }
}
