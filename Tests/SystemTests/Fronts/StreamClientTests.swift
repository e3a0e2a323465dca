import ExactJSON
import Glibc
import Hiredis
import ModelServer
import Subprocess
import Synchronization
import SystemHarness
import SystemPackage
import Testing

/// The folder with real clients of event streams, which `make test` fills.
private let clientsFolder = getenv("STREAM_CLIENTS").map { String(cString: $0) }

/// Real clients of event streams, through everything that happens to a stream.
@Suite(.enabled(if: clientsFolder != nil, "make test installs the clients"), .timeLimit(.minutes(3)))
struct StreamClientTests {
  private static let names = ["httpx-sse", "sseclient-py", "aiosseclient", "sseclient", "requests-sse", "chromium"]

  /// The entries of a run of the example.
  private static let whole = [
    "enqueued", "started", "step_start", "step_done", "step_start", "step_done", "step_start", "step_done", "finished",
  ]

  @Test
  func `real clients see each event once, across a heartbeat and a restart of the API while Redis is away`()
    async throws
  {
    let model = try ModelServer()
    defer { model.close() }
    let settings = [
      "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600", "WF_LOG_LEVEL": "debug",
    ]
    try await Stack.with(.init(settings: settings)) { stack in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let clients = Self.names.map { StreamClient(name: $0) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in clients {
          group.addTask { try await client.follow("\(stack.url)/status/\(id)/events") }
        }
        for client in clients { try await client.waitForEvent(4) }
        try await waitForHeartbeat(stack, id)
        try await restartWithoutRedis(stack, id)
        model.release()
        try await group.waitForAll()
      }
      for client in clients { expectWhole(client) }
    }
  }

  /// Every client has been sent a heartbeat when one that came later has.
  private func waitForHeartbeat(_ stack: Stack, _ id: String) async throws {
    var events = try await EventReader(stack, id)
    try await events.waitForComment()
  }

  /// Has the clients come back while Redis does not answer.
  private func restartWithoutRedis(_ stack: Stack, _ id: String) async throws {
    let api = try stack.processID(of: "api")
    let before = try requests(in: stack.log(of: "api"), id)
    try stack.signal(SIGSTOP, to: "redis")
    try stack.signal(SIGTERM, to: "api")
    _ = try await wait("another API") { try stack.processID(of: "api") != api ? true : nil }
    _ = try await wait("all clients to come back") {
      try requests(in: stack.log(of: "api"), id) >= before + Self.names.count ? true : nil
    }
    try stack.signal(SIGCONT, to: "redis")
  }

  private func requests(in log: String, _ id: String) -> Int {
    log.split(separator: "\n").count { $0.contains("GET /status/\(id)/events") && $0.contains("status=200") }
  }

  private func expectWhole(_ client: StreamClient) {
    let events = client.events
    let messages = events.filter { $0.kind == "message" }
    #expect(messages.map { $0.data["msg"]?.stringValue } == Self.whole, "\(client.name): \(events)")
    #expect(events.last?.kind == "status" && events.last?.data["status"] == "finished", "\(client.name): \(events)")
    // sseclient reads below HTTP's chunks, and makes an event of the last one of the stream that was cut.
    let others = events.filter { !["message", "status"].contains($0.kind) }.count
    #expect(others <= (client.name == "sseclient" ? 1 : 0), "\(client.name): \(events)")
  }
}

/// A client that runs in a process of its own.
private final class StreamClient: Sendable {
  struct Event: Sendable {
    let kind: String
    let data: JSONObject
  }

  let name: String
  private let seen = Mutex<[Event]>([])

  init(name: String) { self.name = name }

  /// What the client has handed out.
  var events: [Event] { seen.withLock { $0 } }

  /// Follows a run to its end.
  func follow(_ url: String) async throws {
    guard let clientsFolder else { return }
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
      .appending("Clients/follow.py")
    let arguments = ["--pdeathsig", "KILL", "--", "\(clientsFolder)/bin/python", script.string, name, url]
    _ = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(arguments), input: .none, output: .sequence, error: .currentStandardError
    ) { execution in
      for try await line in execution.standardOutput.strings() where !line.allSatisfy(\.isWhitespace) {
        let event = try JSONValue(parsing: line).objectValue
        // A client that makes an event of a block without data hands out data that is no JSON.
        let data = event?["data"]?.stringValue.flatMap { try? JSONValue(parsing: $0) }?.objectValue
        let kind = data == nil ? "without data" : event?["event"]?.stringValue ?? "?"
        seen.withLock { $0.append(Event(kind: kind, data: data ?? JSONObject())) }
      }
    }
  }

  /// Returns when the client has handed out so many progress entries and one more.
  func waitForEvent(_ index: Int) async throws {
    _ = try await wait("\(name) to see entry \(index)") {
      events.count { $0.kind == "message" } > index ? true : nil
    }
  }
}
