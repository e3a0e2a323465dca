import AccessKeys
import Curl
import ExactJSON
import SystemHarness
import SystemPackage

/// A stack whose API wants keys.
struct KeyStack: Sendable {
  let stack: Stack
  /// The file with the keys.
  let file: String

  /// Keys of the file: the text behind `key-` names name and role.
  static let keys = [
    AccessKey(name: "alice", secret: "key-alice"), AccessKey(name: "bob", secret: "key-bob"),
    AccessKey(name: "alice", secret: "key-alice-read", role: .read),
    AccessKey(name: "ops", secret: "key-ops", role: .admin),
    AccessKey(name: "slow", secret: "key-slow", limits: .init(requests: 1)),
    AccessKey(name: "few", secret: "key-few", limits: .init(runs: 2)),
    AccessKey(name: "small", secret: "key-small", limits: .init(bytes: 2_000)),
  ]

  /// The text of a file with keys.
  static func text(_ keys: [AccessKey] = keys) -> String {
    let text = keys.reduce(nil as [UInt8]?) { KeyFile.text(of: $0.map { KeyFile($0) }, adding: $1) }
    return String(decoding: text ?? Array("# none\n".utf8), as: UTF8.self)
  }

  /// Runs a body against a stack of its own.
  static func with(
    _ options: Stack.Options = .init(), _ body: @escaping @Sendable (KeyStack) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let file = "\(folder)/keys"
      try write(text(), to: file)
      var options = options
      options.settings.merge(["WF_API_KEYS_FILE": file, "WF_API_KEY": "key-ops"]) { own, _ in own }
      try await Stack.with(options) { stack in try await body(KeyStack(stack: stack, file: file)) }
    }
  }

  /// Writes a file in place, as an editor does.
  static func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
  }

  /// Sends a request with a key; nil for none.
  func send(
    _ method: String = "GET", _ path: String, key: String?, headers: [HTTPHeader] = [], body: JSONValue? = nil
  ) async throws -> HTTPResponse {
    let json: [HTTPHeader] = body == nil ? [] : [(name: "Content-Type", value: "application/json")]
    return try await stack.send(
      method, path, headers: authorization(key) + json + headers, body: body?.bytes)
  }

  /// The header with a key.
  func authorization(_ key: String?) -> [HTTPHeader] {
    key.map { [(name: "Authorization", value: "Bearer \($0)")] } ?? []
  }

  /// Submits a run with a key.
  /// - Returns: its id.
  func submit(_ body: JSONValue = Examples.example, key: String, headers: [HTTPHeader] = []) async throws -> String {
    let response = try await send("POST", "/workflow/run", key: key, headers: headers, body: body)
    guard response.status == 202, let id = try response.json["job_id"]?.stringValue else {
      throw StackFailure("\(response.status): \(String(decoding: response.body, as: UTF8.self))")
    }
    return id
  }

  /// The status of a run, as a key sees it.
  func status(_ id: String, key: String) async throws -> JSONObject {
    try await send("GET", "/status/\(id)", key: key).json
  }

  /// The warnings of health.
  func warnings() async throws -> [String] {
    let health = try await send("GET", "/status/health", key: "key-ops").json
    return health["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }
}
