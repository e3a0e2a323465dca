import Glibc
import Hiredis
import Logging
import RedisFixture
import Testing

@testable import WorkflowStore

/// What wf needs of Redis is one list: it agrees with the scripts, with the page Operating and with what Redis allows.
@Suite(.timeLimit(.minutes(5))) struct RedisRequirementsTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  private static func text(_ path: String) throws -> String {
    let file = try #require(fopen("\(root)/\(path)", "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Every script, as it lies in the sources.
  private static func scripts() throws -> [String] {
    let folder = "Sources/WorkflowStore/Scripts"
    let entries = try #require(opendir("\(root)/\(folder)"))
    defer { closedir(entries) }
    var names: [String] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name.hasSuffix(".lua") { names.append(name) }
    }
    return try names.map { try text("\(folder)/\($0)") }
  }

  /// A store whose user has the rules; it is the server's own.
  private func store(_ rules: String, prefix: String = "wf:", on server: RedisServer) async throws -> RunStore {
    let admin = RedisConnection(try server.address(), name: "admin", logger: .silent)
    var command: RedisArguments = ["ACL", "SETUSER", "app", "reset", "on", ">secret"]
    // A blank within a pattern of the prefix is no border.
    for rule in rules.split(separator: " ") { command.append(String(rule)) }
    _ = try await admin.send(command, timeout: patience)
    let redis = RedisConnection(try server.address(login: "app:secret@"), name: "test", logger: .silent)
    return RunStore(redis, keys: Keys(prefix: prefix), timeout: patience)
  }

  /// Commands of the list that wf itself sends, and no script.
  private static let sent: Set<String> = [
    "PING", "SELECT", "SCRIPT|LOAD", "EVALSHA", "SUBSCRIBE", "UNSUBSCRIBE", "HSTRLEN", "WAIT", "CLUSTER|SLOTS",
    "CLUSTER|INFO", "ASKING", "SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH",
  ]

  @Test func `The commands that scripts call are those of the list`() throws {
    var called: Set<Substring> = []
    for text in try Self.scripts() {
      // Quoted words in capitals are commands, the flags of commands, or the codes of errors.
      for match in text.matches(of: #/'([A-Z]{3,})'/#) { called.insert(match.1) }
    }
    called.subtract(["COUNT", "LIMIT", "MATCH", "GT", "BYSCORE", "WITHSCORES", "WRONGTYPE"])
    #expect(called.count > 20)
    let known = Set(RedisRequirements.commands.filter { !$0.isOptional }.map { $0.name.uppercased() })
    #expect(known == Set(called.map(String.init)).union(Self.sent))
  }

  @Test func `The page Operating shows the list as a command that is ready to use`() throws {
    let start = "redis-cli ACL SETUSER wf reset on '>PASSWORD' "
    let page = try Self.text("Sources/WorkflowCommand/WorkflowCommand.docc/Operating.md")
    let line = page.split(separator: "\n").first { $0.hasPrefix(start) }
    // A shell must not see the characters in quotes.
    let rules = line?.dropFirst(start.count).split(separator: " ").map { $0.filter { $0 != "'" } }
    #expect(rules?.joined(separator: " ") == RedisRequirements.rules(Keys()))
  }

  @Test(arguments: ["wf:", "{wf}:", "[x]*?:"])
  func `A user of the list lacks nothing`(prefix: String) async throws {
    let server = RedisServer()
    let store = try await store(RedisRequirements.rules(Keys(prefix: prefix)), prefix: prefix, on: server)
    #expect(try await store.missingRights() == [])
    withExtendedLifetime(server) {}
  }

  @Test func `In a cluster a user of the list lacks nothing, and what only a cluster needs is named`() async throws {
    let cluster = try await RedisCluster.start()
    func store(_ rules: String, user: String) async throws -> RunStore {
      let quoted = rules.split(separator: " ").map { "'\($0)'" }.joined(separator: " ")
      for server in cluster.servers { #expect(server.ask("ACL SETUSER \(user) reset on '>secret' \(quoted)") == "OK") }
      let redis = RedisConnection(
        try RedisAddress(cluster.url(login: "\(user):secret@")), name: "test", logger: .silent)
      let keys = Keys(prefix: "wf:{1}:")
      return RunStore(redis.routed(to: keys.leases), keys: keys, timeout: patience)
    }
    let rules = RedisRequirements.rules(Keys())
    #expect(try await store(rules, user: "app").missingRights() == [])
    let missing = try await store(rules + " -spublish -asking", user: "other").missingRights()
    #expect(missing?.map(\.command) == ["asking", "spublish"])
  }

  @Test func `A right that is missing is named, without one refusal in Redis's log`() async throws {
    let server = RedisServer()
    let rules = RedisRequirements.rules(Keys()) + " -hset -publish -config|get"
    #expect(
      try await store(rules, on: server).missingRights() == [
        MissingRight(command: "publish", isKnown: true, isOptional: false),
        MissingRight(command: "hset", isKnown: true, isOptional: false),
        MissingRight(command: "config|get", isKnown: true, isOptional: true),
      ])
    let admin = RedisConnection(try server.address(), name: "admin", logger: .silent)
    #expect(try await admin.send(["ACL", "LOG"], timeout: patience) == .array([]))
  }

  @Test func `Channels that ACL SETUSER leaves out are named as publish and subscribe`() async throws {
    let server = RedisServer()
    let missing = try await store("~wf:* +@all", on: server).missingRights()
    #expect(missing?.map(\.command) == ["subscribe", "publish"])
    withExtendedLifetime(server) {}
  }

  @Test func `A command that the server renames is named as unknown`() async throws {
    let server = RedisServer("--rename-command", "INFO", "")
    let store = try await store("~* &* +@all", on: server)
    #expect(try await store.missingRights() == [MissingRight(command: "info", isKnown: false, isOptional: true)])
    withExtendedLifetime(server) {}
  }

  @Test(arguments: ["-info", "-@dangerous"])
  func `Without INFO the connection stands for the server`(rule: String) async throws {
    let server = RedisServer()
    let store = try await store(RedisRequirements.rules(Keys()) + " " + rule, on: server)
    let identity = try await store.identity()
    #expect(identity.isPrimary && identity.runID != "")
    for _ in 1...5 { #expect(try await store.identity() == identity) }
    let admin = RedisConnection(try server.address(), name: "admin", logger: .silent)
    // Redis's log of refusals is not filled by asking again and again.
    let refusals = try await admin.send(["ACL", "LOG"], timeout: patience).array
    #expect(refusals?.first?.array?.dropFirst().first == .integer(1))
    _ = try await admin.send(["CLIENT", "KILL", "TYPE", "normal", "USER", "app"], timeout: patience)
    while try await store.identity() == identity { try Task.checkCancellation() }
  }

  @Test func `A cluster says that it is one, and how wf works there`() async throws {
    let server = RedisServer("--port", "0", "--cluster-enabled", "yes", "--cluster-port", "1")
    let redis = RedisConnection(try server.address(), name: "test", logger: .silent)
    _ = try await redis.send(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"], timeout: patience)
    let store = RunStore(redis, keys: Keys(), timeout: patience)
    let oneSlot = RunStore(redis, keys: Keys(prefix: "{wf}:"), timeout: patience)
    // A node takes a moment to see that it has all slots.
    while case .refused(cause: "CLUSTERDOWN", _, _) = await refusal(of: oneSlot) {}
    let refusal = await refusal(of: store)
    guard case .refused(cause: "CLUSTER", let reason, _) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    #expect(reason.contains("WF_KEY_PREFIX={wf}:"))
    #expect(try await oneSlot.missingRights() == [])
  }

  private func refusal(of store: RunStore) async -> StoreError? {
    do throws(StoreError) {
      _ = try await store.missingRights()
      return nil
    } catch {
      return error
    }
  }
}
