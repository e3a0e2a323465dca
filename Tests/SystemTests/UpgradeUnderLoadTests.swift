import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// Workers of this version find 1,000 runs of format 1 in every state, while clients submit new ones.
@Suite(.timeLimit(.minutes(3))) struct UpgradeUnderLoadTests {
  private static let created = "1732387200.123456"
  private static let steps =
    #"[{"id":"a","op":"preprocess","needs":[],"params":{"field":"text"}},"#
    + #"{"id":"b","op":"store_result","needs":["a"],"params":{"namespace":"old","data":"@a.clean_text"}}]"#
  private static let enqueued = "{\"ts\":\(created),\"msg\":\"enqueued\"}"

  /// How a run of format 1 may be found.
  private enum State: CaseIterable {
    case queued, checkpointed, suspect, started, abandoned, finished, failed

    var isLive: Bool { self != .finished && self != .failed }
  }

  private struct Run {
    let id: String
    let state: State
  }

  @Test func `1,000 runs of format 1 in every state end as they should, once, under load`() async throws {
    // Format 1 knows no partitions.
    let options = Stack.Options(workers: 2, settings: ["WF_LEASE_S": "2"], partitions: 1)
    try await Stack.with(options) { stack in
      async let submitted = concurrently(Array(0..<4)) { _ in
        var ids: [String] = []
        for _ in 0..<50 { ids.append(try await stack.submit(Examples.example)) }
        return ids
      }
      let now = try #require(try await stack.command("TIME").array?[0].string.flatMap { Int($0) })
      let runs = (0..<1_000).map { number in
        Run(
          id: "00000000-0000-4000-8000-\(String(repeating: "0", count: 12 - "\(number)".count))\(number)",
          state: State.allCases[number % State.allCases.count])
      }
      for run in runs { _ = try await stack.redis.send(Self.commands(run, now), timeout: .seconds(30)) }
      let newer = try await submitted.flatMap(\.self)
      _ = try await wait("the end of all runs", within: .seconds(90)) {
        try await stack.command("ZCARD", "wf:live") == .integer(0) ? true : nil
      }
      for run in runs { try await check(run, stack) }
      #expect(try await Audit(stack).problems(of: newer) == [])
      let stored = try await stack.command("LRANGE", "wf:store:old", "0", "-1").array?.compactMap(\.string) ?? []
      let live = runs.filter(\.state.isLive)
      #expect(stored.count == live.count)
      #expect(live.allSatisfy { run in stored.contains { $0.contains(run.id) } })
      #expect(try await stack.command("EXISTS", "wf:queue:1", "wf:suspects:1", "wf:leases") == .integer(0))
    }
  }

  private func check(_ run: Run, _ stack: Stack) async throws {
    let status = try await stack.status(run.id)
    #expect(status["status"]?.stringValue == (run.state == .failed ? "failed" : "finished"), "\(run)")
    let messages = status.messages
    #expect(messages.filter { $0.hasPrefix("step_done") }.count == (run.state.isLive ? 2 : 0), "\(run): \(messages)")
    guard run.state == .checkpointed else { return }
    let outputs = status.at("result", "outputs", "a", "clean_text")
    #expect(outputs?.stringValue == "recorded", "\(run)")
  }

  /// The commands that leave a run as a wf of format 1 did.
  private static func commands(_ run: Run, _ now: Int) -> [RedisArguments] {
    var job: RedisArguments = ["HSET", "wf:job:\(run.id)"]
    for word in facts(run.state) { job.append(word) }
    var log: RedisArguments = ["RPUSH", "wf:progress:\(run.id)", enqueued]
    if run.state == .checkpointed {
      log.append("{\"ts\":\(created),\"msg\":\"step_done\",\"step\":\"a\",\"outputs\":{\"clean_text\":\"recorded\"}}")
    }
    var commands = [job, log]
    switch run.state {
    case .queued, .checkpointed: commands.append(["RPUSH", "wf:queue:1", run.id])
    case .suspect: commands.append(["RPUSH", "wf:suspects:1", run.id])
    case .started: commands.append(["ZADD", "wf:leases", "\(now * 1_000 + 4_000)", run.id])
    case .abandoned: commands.append(["ZADD", "wf:leases", "1", run.id])
    case .finished: commands.append(["SET", "wf:result:\(run.id)", #"{"run_name":"old","outputs":{}}"#])
    case .failed: break
    }
    if run.state.isLive { return commands + [["ZADD", "wf:live", "1", run.id]] }
    return commands + ["job", "progress", "result"].map { ["EXPIRE", "wf:\($0):\(run.id)", "1000"] }
  }

  private static func facts(_ state: State) -> [String] {
    let common = [
      "run_name", "old", "created_ts", created, "last_ts", created, "format", "1", "request_id", "r", "steps", steps,
      "inputs", #"{"text":"some  text"}"#, "bytes", "0", "log_bytes", "41",
    ]
    let ended = ["finished_ts", created]
    let own =
      switch state {
      case .queued: ["status", "queued"]
      case .checkpointed:
        [
          "status", "queued", "out:a", #"{"clean_text":"recorded"}"#, "claims", "1", "crashes", "0", "seq", "2",
          "token", "",
          "silent", "0", "started_ts", created,
        ]
      case .suspect: ["status", "queued", "claims", "2", "crashes", "2", "token", ""]
      case .started, .abandoned:
        ["status", "started", "token", "1-old/1", "claims", "1", "seq", "1", "begun", "1", "started_ts", created]
      case .finished: ["status", "finished"] + ended
      case .failed: ["status", "failed", "error_code", "timeout", "error", "late", "document_bytes", "500"] + ended
      }
    return common + own
  }
}
