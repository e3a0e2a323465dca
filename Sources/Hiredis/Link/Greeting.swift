/// The first commands on a fresh socket, and what their answers mean: login, database, the client's name, the server's
/// role, and a PING that fails while the server cannot serve.
///
/// A replica is refused: the address leads to another server once a failover is complete, and until then a write would
/// only be answered READONLY. `HELLO` tells the role and needs no permission; a server that does not know it is taken
/// for a primary.
struct Greeting {
  private enum Step { case login, select, name, role, ping }

  private var due: [Step]

  /// The greeting for an address.
  ///
  /// Of the name, what `CLIENT SETNAME` refuses is replaced.
  /// - Parameter password: nil if there is no login.
  init(_ address: RedisAddress, password: String?, name: String) {
    due = [.name, .role, .ping]
    if address.database != 0 { due.insert(.select, at: 0) }
    if password != nil { due.insert(.login, at: 0) }
    let printable = name.utf8.map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "-") }
    frames = due.flatMap { Self.command($0, address, password, printable).frame }
  }

  /// Everything, to be sent at once.
  let frames: [UInt8]

  /// Takes the next answer; true when it was the last and Redis is ready.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure) -> Bool {
    guard !due.isEmpty else { throw LinkFailure("Redis sent an answer to no command: \(reply)") }
    let step = due.removeFirst()
    if case .error(let error) = reply, !Self.isHarmless(error, at: step) { throw LinkFailure(error) }
    if step == .role { try Self.refuseReplica(reply) }
    return due.isEmpty
  }

  /// Without CLIENT there is no name in CLIENT LIST, without HELLO no role; nothing else depends on them.
  private static func isHarmless(_ error: RedisReplyError, at step: Step) -> Bool {
    switch step {
    case .name: ["NOPERM", "NOCOMMAND"].contains(error.cause)
    case .role: error.code != "NOAUTH"
    case .login, .select, .ping: false
    }
  }

  private static func refuseReplica(_ hello: RedisReply) throws(LinkFailure) {
    let words = hello.array ?? []
    var facts: [String: String] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      if let name = words[index].string { facts[name] = words[index + 1].string }
    }
    if facts["mode"] == "sentinel" {
      throw LinkFailure("this is a Sentinel, not a Redis", remedy: "set REDIS_URL to the primary that it watches")
    }
    if let role = facts["role"], role != "master" {
      throw LinkFailure(
        "this Redis is a \(role), which takes no writes",
        remedy: "set REDIS_URL to the primary, or to a name that follows it")
    }
  }

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
