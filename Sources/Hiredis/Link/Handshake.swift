/// The first commands on a new socket and their replies: login, database, client name, server role, and a PING that
/// fails while the server is not ready.
///
/// A replica is refused: after a failover the address resolves to another server, and until then writes would fail with
/// READONLY. `HELLO` returns the role and needs no permission; a server without it counts as a primary, except where
/// sentinels have named it: for a while they name one that is not yet, or no longer, a primary.
struct Handshake {
  private enum Step { case login, select, name, role, ping }

  private var due: [Step]
  private let isNamedBySentinels: Bool
  private let inCluster: Bool

  /// - Parameters:
  ///   - password: nil for no login.
  ///   - name: the client's name; characters that `CLIENT SETNAME` refuses are replaced.
  ///   - inCluster: whether the server is a node of a cluster, which a map has named.
  init(_ address: RedisAddress, password: String?, name: String, inCluster: Bool = false) {
    self.inCluster = inCluster
    if case .sentinels = address.endpoint { isNamedBySentinels = true } else { isNamedBySentinels = false }
    due = [.name, .role, .ping]
    if address.database != 0 { due.insert(.select, at: 0) }
    if password != nil { due.insert(.login, at: 0) }
    let printable = name.utf8.map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "-") }
    frames = due.flatMap { Self.command($0, address, password, printable).frame }
  }

  /// All commands, to be sent at once.
  let frames: [UInt8]

  /// Handles the next reply.
  /// - Returns: true after the last one, when Redis is ready.
  /// - Throws: `LinkFailure` when Redis refuses a command or is a replica.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure) -> Bool {
    guard !due.isEmpty else { throw LinkFailure("Redis sent a reply to no command: \(reply)") }
    let step = due.removeFirst()
    if case .error(let error) = reply, !isHarmless(error, at: step) { throw LinkFailure(error) }
    if step == .role { try refuseReplica(reply) }
    return due.isEmpty
  }

  /// Whether an error may be ignored: the client name and the role are optional.
  private func isHarmless(_ error: RedisReplyError, at step: Step) -> Bool {
    switch step {
    case .name: ["NOPERM", "NOCOMMAND"].contains(error.cause)
    case .role: error.code != "NOAUTH" && !isNamedBySentinels
    case .login, .select, .ping: false
    }
  }

  private func refuseReplica(_ hello: RedisReply) throws(LinkFailure) {
    let words = hello.array ?? []
    var facts: [String: String] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      if let name = words[index].string { facts[name] = words[index + 1].string }
    }
    if facts["mode"] == "sentinel" {
      throw LinkFailure("this is a Sentinel, not a Redis", remedy: Self.sentinelRemedy)
    }
    guard let role = facts["role"], role != "master" else { return }
    if isNamedBySentinels {
      throw LinkFailure("this Redis is a \(role), which takes no writes; the sentinels are asked again")
    }
    if inCluster { throw LinkFailure("this node is a \(role) now, which takes no writes; the map is read again") }
    throw LinkFailure(
      "this Redis is a \(role), which takes no writes",
      remedy: "set REDIS_URL to the primary, to a name that follows it, or to its sentinels (redis+sentinel://)")
  }

  private static let sentinelRemedy =
    "set REDIS_URL to redis+sentinel://HOST:PORT/NAME with the name of the primary, or to the primary that it watches"

  private static func command(
    _ step: Step, _ address: RedisAddress, _ password: String?, _ name: [UInt8]
  ) -> RedisArguments {
    var command: RedisArguments
    switch step {
    case .login:
      command = ["AUTH"]
      if let user = address.user { command.append(user) }
      command.append(password ?? "")
    case .select:
      command = ["SELECT"]
      command.append(address.database)
    case .name:
      command = ["CLIENT", "SETNAME"]
      command.append(name)
    case .role:
      command = ["HELLO"]
    case .ping:
      command = ["PING"]
    }
    return command
  }
}
