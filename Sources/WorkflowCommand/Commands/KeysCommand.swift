import AccessKeys
import ArgumentParser
import ExactJSON
import Workflow

/// `wf keys`: makes, lists and revokes keys of the API.
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make, list and revoke keys of the API.",
    discussion: """
      wf keys add alice                       prints a key of alice, this once
      wf keys add ops --role admin
      wf keys add batch --requests-s 50 --runs 1000
      wf keys list
      wf keys revoke alice                    all keys of alice
      wf keys revoke alice 5e884898           the one whose digest begins so

      The keys are in the file that WF_API_KEYS_FILE names. The API reads it again within seconds. To replace a key, add \
      a second one of the name, give it to the clients, and revoke the first.
      """,
    subcommands: [Add.self, List.self, Revoke.self])

  /// The file of the keys.
  struct FileOption: ParsableArguments {
    @Option(help: "The file with the keys. Default: that of WF_API_KEYS_FILE.", completion: .file())
    var file: String?

    func path() throws -> String {
      if let file { return file }
      guard let path = try Settings.apiKeysFile() else {
        throw CommandFailure(
          """
          WF_API_KEYS_FILE is not set: set it in \(SettingsFile.hostPath), for example to /etc/wf/api-keys, and restart \
          wf-api; or name a file by --file
          """, code: .configuration)
      }
      return path
    }

    /// The keys of the file; a fault in it is the end.
    func read() throws -> KeyFile {
      let path = try path()
      do throws(KeyFile.Failure) { return try KeysCommand.sound(try KeyFile.read(path), path) } catch {
        throw CommandFailure("\(error)", code: error.isMissing ? .noInput : .failed)
      }
    }
  }

  /// A file without faults. The API would not take one with faults, whatever else is changed in it.
  private static func sound(_ file: KeyFile, _ path: String) throws(KeyFile.Failure) -> KeyFile {
    guard let fault = file.faults.first else { return file }
    throw KeyFile.Failure("\(path): \(fault); correct that first")
  }

  /// Changes the file, and turns its failures into those of commands.
  private static func update(_ path: String, _ change: (KeyFile?) throws -> [UInt8]) throws {
    do {
      try KeyFile.update(path) { file in try change(try file.map { file in try sound(file, path) }) }
    } catch let failure as KeyFile.Failure {
      throw CommandFailure("\(failure)", code: failure.isMissing ? .noInput : .failed)
    }
  }

  /// A key as `wf keys list` shows it to programs.
  private static func json(_ key: AccessKey) -> JSONValue {
    var fields: JSONObject = [
      "name": .string(key.name), "role": .string(key.role.rawValue), "digest": .string(key.digestText),
    ]
    let limits = [("requests_s", key.limits.requests), ("runs", key.limits.runs), ("bytes", key.limits.bytes)]
    for (name, value) in limits { fields[name] = value.map { .number(JSONNumber($0)) } }
    fields["cost_day"] = key.limits.costDay.map { .number(Cost(billionths: $0).json) }
    return .object(fields)
  }

  /// `wf keys add`.
  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Make a key of a name, and print it; it is shown this once.",
      discussion: "A further key of a name has role and limits of the one before, as far as nothing else is said.")

    @Argument(help: "Whose key it is: \(AccessKey.nameRule).")
    var name: String
    @Option(
      help: "user (the default), read (changes nothing) or admin (sees and changes everything).",
      completion: .list(AccessKey.Role.allCases.map(\.rawValue)), transform: role)
    var role: AccessKey.Role?
    @Option(help: "How many requests a second the name may send.")
    var requestsS: Int?
    @Option(help: "How many queued and started runs the name may have.")
    var runs: Int?
    @Option(help: "How many bytes of runs the name may have stored.")
    var bytes: Int?
    @Option(help: "What the runs of the name may spend in a day (UTC) on models, in the unit of their prices.")
    var costDay: String?
    @OptionGroup var place: FileOption

    @Sendable private static func role(_ text: String) throws -> AccessKey.Role {
      if let role = AccessKey.Role(rawValue: text) { return role }
      throw ValidationError("--role is user, read or admin.")
    }

    func validate() throws {
      guard AccessKey.isValidName(name) else { throw ValidationError("NAME is \(AccessKey.nameRule).") }
      for limit in [requestsS, runs, bytes].compactMap(\.self) where !(1...AccessKey.Limits.most).contains(limit) {
        throw ValidationError("A limit is a whole number from 1 to \(AccessKey.Limits.most).")
      }
      if let costDay, AccessKey.Limits.billionths(costDay) == nil {
        throw ValidationError("--cost-day is a number from 0 to 1000000 with at most nine decimals.")
      }
    }

    func run() throws {
      let secret = AccessKey.newSecret()
      let path = try place.path()
      try KeysCommand.update(path) { file in
        let last = file?.keys.last { $0.name == name }
        let limits = AccessKey.Limits(
          requests: requestsS ?? last?.limits.requests, runs: runs ?? last?.limits.runs,
          bytes: bytes ?? last?.limits.bytes,
          costDay: costDay.flatMap { AccessKey.Limits.billionths($0) } ?? last?.limits.costDay)
        let key = AccessKey(name: name, secret: secret, role: role ?? last?.role ?? .user, limits: limits)
        return KeyFile.text(of: file, adding: key)
      }
      Terminal.say("wf: a key of \(name) is in \(path); this is the only time that it is shown")
      Terminal.show(secret)
    }
  }

  /// `wf keys list`.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the keys: name, role, the beginning of the digest, limits.")

    @Flag(help: "Print JSON, with whole digests.")
    var json = false
    @OptionGroup var place: FileOption

    func run() throws {
      let keys = try place.read().keys
      if json { return Terminal.show(.object(["keys": .array(keys.map(KeysCommand.json))])) }
      if keys.isEmpty { return Terminal.say("there are no keys") }
      let rows = [["NAME", "ROLE", "DIGEST", "LIMITS"]] + keys.map(List.row)
      for row in rows {
        let cells = row.enumerated().map { column, cell in
          let width = rows.map { $0[column].count }.max() ?? 0
          return column == row.count - 1 ? cell : cell + String(repeating: " ", count: width - cell.count)
        }
        Terminal.show(cells.joined(separator: "  "))
      }
    }

    private static func row(_ key: AccessKey) -> [String] {
      let limits = key.limits.words.joined(separator: " ")
      return [key.name, key.role.rawValue, String(key.digestText.prefix(12)), limits.isEmpty ? "-" : limits]
    }
  }

  /// `wf keys revoke`.
  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke", abstract: "Revoke all keys of a name, or one of them.")

    @Argument(help: "Whose keys.")
    var name: String
    @Argument(help: "The beginning of the digest of one key, as wf keys list shows it.")
    var digest: String?
    @OptionGroup var place: FileOption

    func run() throws {
      let path = try place.path()
      var count = 0
      try KeysCommand.update(path) { file in
        guard let file else { throw CommandFailure("\(path): there is no such file", code: .noInput) }
        let begin = digest.map { String($0.lowercased()) } ?? ""
        let isMeant = { (key: AccessKey) in key.name == name && key.digestText.hasPrefix(begin) }
        count = file.keys.count(where: isMeant)
        guard count > 0 else {
          let which = digest == nil ? "" : " whose digest begins so"
          throw CommandFailure("there is no key of \(name.oneLine)\(which)", code: .noInput)
        }
        guard digest == nil || count == 1 else {
          throw CommandFailure("\(count) keys of \(name.oneLine) have digests that begin so: say more of it")
        }
        return file.text(without: isMeant)
      }
      Terminal.say("revoked \(count) key\(count == 1 ? "" : "s") of \(name.oneLine)")
    }
  }
}
