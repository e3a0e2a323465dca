import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Thousands of clients that wait cost next to nothing, and miss nothing.
@Suite struct ManyWatchersTests {
  @Test(.timeLimit(.minutes(5)))
  func `2,000 watchers see every event of their runs, in order, once, also across a restart of Redis`() async throws {
    raiseFileLimit()
    let model = try ModelServer()
    defer { model.close() }
    let settings = [
      "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600", "WF_WORKER_RUNS": "200",
    ]
    try await Stack.with(.init(settings: settings)) { stack in
      model.behaviour = .hold
      var ids: [String] = []
      for _ in 0..<200 { ids.append(try await stack.submit(Examples.example)) }
      try await model.waitForCalls(200)
      let idle = try stack.resources(of: "api")
      try await watch(ids, stack, idle) {
        let redis = try stack.processID(of: "redis")
        try stack.signal(SIGTERM, to: "redis")
        _ = try await wait("another Redis") { try stack.processID(of: "redis") != redis ? true : nil }
        model.release()
      }
    }
  }

  /// Has ten clients watch each run, lets the runs go on, and looks at what every client saw.
  private func watch(
    _ ids: [String], _ stack: Stack, _ idle: Resources, whileWatching letGo: @Sendable () async throws -> Void
  ) async throws {
    let client = HTTPClient(.init(maxConnectionsPerHost: 4_096))
    defer { client.close() }
    let (opened, isOpen) = AsyncStream<Void>.makeStream()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<2_000 {
        group.addTask {
          var events = try await EventReader(stack, ids[number % ids.count], client: client)
          var seen = try await events.take { $0.message == "step_start llm" }
          isOpen.yield()
          seen += try await events.rest()
          return seen.compactMap(\.id) == Array(0..<9) && seen.last?.status == "finished"
        }
      }
      var count = 0
      for await _ in opened {
        count += 1
        if count == 2_000 { break }
      }
      let busy = try stack.resources(of: "api")
      print(
        "2,000 watchers: \(busy.threads) threads (\(idle.threads) idle), \(busy.kilobytes - idle.kilobytes) kB more")
      #expect(busy.threads <= idle.threads + 4)
      try await letGo()
      for try await isWhole in group { #expect(isWhole) }
    }
  }
}

/// What a process takes.
struct Resources: Sendable {
  let threads: Int
  let kilobytes: Int
}

extension Stack {
  /// What a part takes now, as `/proc` tells.
  func resources(of part: String) throws -> Resources {
    Resources(threads: try status("Threads:", of: part), kilobytes: try status("VmRSS:", of: part))
  }

  /// The most memory that a part has had, in kB.
  func peakMemory(of part: String) throws -> Int { try status("VmHWM:", of: part) }

  private func status(_ name: String, of part: String) throws -> Int {
    let text = String(decoding: try Stack.read("/proc/\(try processID(of: part))/status"), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
    return Int(line.filter(\.isNumber)) ?? 0
  }
}
