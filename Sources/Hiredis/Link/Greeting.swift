/// The first words on a fresh socket, and what their answers mean: who we are, which database, our name, and a PING
/// that fails while the server cannot serve.
struct Greeting {
  private enum Step { case login, select, name, ping }

  private let address: RedisAddress
  private var due: [Step]

  /// The greeting for an address.
  ///
  /// Of the name, what `CLIENT SETNAME` refuses is replaced.
  init(_ address: RedisAddress, name: String) {
    self.address = address
    due = [.name, .ping]
    if address.database != 0 { due.insert(.select, at: 0) }
    if address.password != nil { due.insert(.login, at: 0) }
    let printable = name.utf8.map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "-") }
    frames = due.flatMap { Self.command($0, address, printable).frame }
  }

  /// Everything, to be sent at once.
  let frames: [UInt8]

  /// Takes the next answer; true when it was the last and Redis is ready.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure) -> Bool {
    guard !due.isEmpty else { throw LinkFailure("Redis sent an answer to no command: \(reply)") }
    let step = due.removeFirst()
    // An ACL that forbids CLIENT costs the name in CLIENT LIST and nothing else.
    if case .error(let error) = reply, !(step == .name && error.code == "NOPERM") {
      throw LinkFailure(error.description, remedy: remedy(for: error, at: step))
    }
    return due.isEmpty
  }

  private static func command(_ step: Step, _ address: RedisAddress, _ name: [UInt8]) -> RedisArguments {
    var command: RedisArguments
    switch step {
    case .login:
      command = ["AUTH"]
      if let user = address.user { command.append(user) }
      command.append(address.password ?? "")
    case .select:
      command = ["SELECT"]
      command.append(address.database)
    case .name:
      command = ["CLIENT", "SETNAME"]
      command.append(name)
    case .ping:
      command = ["PING"]
    }
    return command
  }

  private func remedy(for error: RedisReplyError, at step: Step) -> String? {
    switch (error.code, step) {
    case ("NOAUTH", _): "give the password in the Redis address"
    case ("WRONGPASS", _): "correct the user or the password in the Redis address, or set them on the server"
    case ("NOPERM", _): "allow this user the command (ACL SETUSER)"
    case ("DENIED", _): "set a password on the server, or let it listen on a local address only"
    case ("ERR", .login) where error.message.contains("without any password"):
      "take the password out of the Redis address, or set one on the server"
    case ("ERR", .select) where error.message.contains("DB index"):
      "choose a database that the server has (its setting `databases`)"
    default: nil
    }
  }
}
