import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import WorkflowStore

/// A program in Python that has nothing but a Redis client.
struct PythonInbox {
  let stack: Stack

  /// The folder with the clients, which `make test` fills.
  static let folder = getenv("STREAM_CLIENTS").map { String(cString: $0) }

  /// What the program has found in Redis.
  struct Found: Sendable {
    /// By id the facts of each job, its log's messages and its result.
    let jobs: JSONObject
    /// The refused entries.
    let refused: [JSONObject]

    /// A fact of a job.
    func fact(_ name: String, _ id: String) -> String { jobs.at(id, name)?.stringValue ?? "" }
  }

  /// Pushes entries, and waits until jobs have ended and a number of entries are refused.
  func submit(_ entries: [String], jobs: [String] = [], refused: Int = 0) async throws -> Found {
    let request: JSONValue = [
      "entries": .array(entries.map { .string($0) }), "jobs": .array(jobs.map { .string($0) }),
      "refused": .number(JSONNumber(refused)),
    ]
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Clients/inbox.py")
    let result = try await Subprocess.run(
      .path(FilePath((Self.folder ?? "") + "/bin/python")),
      arguments: [script.string, "\(stack.folder)/redis.sock", "\(stack.prefixes.count)"],
      input: .string(request.text), output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
    guard let answer = try? JSONValue(parsing: result.standardOutput).objectValue else {
      throw StackFailure("inbox.py: \(result.standardError)")
    }
    return Found(
      jobs: answer["jobs"]?.objectValue ?? JSONObject(),
      refused: answer["refused"]?.arrayValue?.compactMap(\.objectValue) ?? [])
  }
}

/// Entries of the inbox.
enum Entries {
  static func id() -> String { JobID().description }

  /// An entry with a body.
  static func entry(_ id: String, _ body: JSONValue) -> String { entry(id, body.text) }

  /// An entry with a body as text.
  static func entry(_ id: String, _ body: String) -> String { "{\"job_id\": \"\(id)\", \"body\": \(body)}" }

  /// A workflow that stores its number.
  static func storing(_ number: Int) -> JSONValue {
    [
      "run_name": .string("number \(number)"), "inputs": ["text": .string("\(number)")],
      "steps": [["id": "a", "op": "store_result", "params": ["namespace": "numbers", "data": "@inputs.text"]]],
    ]
  }
}
