import Curl
import ExactJSON
import Glibc
import ModelServer
import RedisFixture
import Subprocess
import SystemHarness
import SystemPackage
import WorkflowStore

/// A server that callbacks go to, and a stack that may reach it.
struct CallbackReceiver: Sendable {
  static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  /// What a stack needs to call servers on this machine.
  static let settings = ["WF_CALLBACK_SECRET": secret, "WF_CALLBACK_ALLOW_PRIVATE": "127.0.0.1, ::1"]

  let server: ModelServer
  let stack: Stack

  var url: String { "http://127.0.0.1:\(server.port)/hook" }
  var calls: [ModelServer.Call] { server.calls }

  /// Runs a body against a stack and a receiver that takes everything.
  static func with(
    workers: Int = 1, settings: [String: String] = [:], redis: [String] = [], partitions: Int = TestPartitions.count,
    _ body: @escaping @Sendable (CallbackReceiver) async throws -> Void
  ) async throws {
    let server = try ModelServer()
    defer { server.close() }
    server.behaviour = .status(200)
    let options = Stack.Options(
      workers: workers, settings: Self.settings.merging(settings) { $1 }, redis: redis, partitions: partitions)
    try await Stack.with(options) { try await body(CallbackReceiver(server: server, stack: $0)) }
  }

  /// A run of one step that reports its end.
  func body(_ fields: JSONObject = [:], fails: Bool = false, url: String? = nil) -> JSONValue {
    let step: JSONValue =
      fails
      ? ["id": "a", "op": "combine", "params": ["parts": "@inputs.text"]]
      : ["id": "a", "op": "combine", "params": ["parts": ["x"]]]
    var body: JSONObject = [
      "run_name": "reported", "inputs": ["text": "x"], "steps": [step], "callback_url": .string(url ?? self.url),
    ]
    for member in fields.members { body[member.key] = member.value }
    return .object(body)
  }

  /// A callback as the API shows it; nil when there is none.
  func callback(_ id: String) async throws -> JSONObject? {
    let answer = try await stack.send("GET", "/status/callbacks/\(id)")
    return answer.status == 200 ? try answer.json : nil
  }

  /// Waits until a callback is in a state.
  @discardableResult
  func callback(
    _ id: String, is state: String, after attempts: Int? = nil, within limit: Duration = .seconds(60)
  ) async throws -> JSONObject {
    try await wait("callback \(id) to be \(state)", within: limit) {
      guard let found = try await callback(id), found["state"]?.stringValue == state else { return nil }
      guard let attempts else { return found }
      return found["attempts"]?.numberValue?.int == attempts ? found : nil
    }
  }

  /// Makes a callback due at once.
  func hasten(_ id: String) async throws {
    _ = try await stack.command("ZADD", stack.key("callbacks", ofPartition: String(id.prefix(36))), "XX", "0", id)
  }

  /// What the library of Standard Webhooks says of each call: its type, or why it is not verified.
  func verdicts(secret: String = CallbackReceiver.secret) async throws -> [String] {
    let lines = calls.map { call in
      let headers = call.headers.map { ($0.key, JSONValue.string($0.value)) }
      return JSONValue.object([
        "headers": .object(JSONObject(headers)), "body": .string(String(decoding: call.raw, as: UTF8.self)),
      ]).text
    }
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Clients/callback.py")
    let result = try await Subprocess.run(
      .path(FilePath((PythonInbox.folder ?? "") + "/bin/python")), arguments: [script.string, secret],
      input: .string(lines.joined(separator: "\n")), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else { throw StackFailure("callback.py: \(result.standardError)") }
    return result.standardOutput.split(separator: "\n").map(String.init)
  }
}
