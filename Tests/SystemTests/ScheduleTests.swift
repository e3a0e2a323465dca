import Curl
import ExactJSON
import Glibc
import Hiredis
import SystemHarness
import Testing
import WorkflowStore

/// Periodic work on the real stack: each tick is one run, whatever dies or goes away.
@Suite(.timeLimit(.minutes(3))) struct ScheduleTests {
  private static let run: JSONValue = [
    "run_name": "periodic", "inputs": ["text": "x"],
    "steps": [["id": "a", "op": "store_result", "params": ["namespace": "ticks", "data": "@inputs.text"]]],
  ]

  private func put(
    _ stack: Stack, _ name: String, _ members: JSONObject, run: JSONValue = Self.run
  ) async throws -> HTTPResponse {
    var body = members
    body["run"] = run
    return try await stack.send(
      "PUT", "/workflow/schedules/\(name)", headers: [("Content-Type", "application/json")],
      body: JSONValue.object(body).bytes)
  }

  private func find(_ stack: Stack, _ name: String) async throws -> JSONObject {
    try await stack.send("GET", "/workflow/schedules/\(name)").json
  }

  /// Makes a schedule look as if it had been due at a time.
  private func setNext(_ stack: Stack, _ name: String, _ time: Int) async throws {
    let prefix = stack.prefix(ofSchedule: name)
    let script = """
      redis.call('HSET', KEYS[1], 'next', ARGV[1]) redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2]) return 1
      """
    let keys = ["\(prefix)schedule:\(name)", "\(prefix)schedules"]
    _ = try await stack.command("EVAL", script, "2", keys[0], keys[1], "\(time)", name)
  }

  private func now(_ stack: Stack) async throws -> Int {
    try #require(try await stack.command("TIME").array?.first?.int)
  }

  /// Waits until a schedule has started a number of runs.
  private func runs(_ stack: Stack, _ name: String, atLeast count: Int) async throws -> JSONObject {
    try await wait("\(count) runs of \(name)") {
      let found = try await find(stack, name)
      return (found["runs"]?.numberValue?.int ?? 0) >= count ? found : nil
    }
  }

  /// The ticks of all runs of a schedule, each once for every run.
  private func ticks(_ stack: Stack, _ name: String) async throws -> [Int] {
    var ticks: [Int] = []
    for key in try await stack.keys("job:*") {
      let words = try await stack.command("HGET", key, "schedule").string?.split(separator: " ") ?? []
      if words.count == 2, words[1] == name { ticks.append(Int(words[0]) ?? 0) }
    }
    return ticks.sorted()
  }

  /// Removes a schedule, and looks at all that it has left.
  private func audit(_ stack: Stack, _ names: String...) async throws {
    for name in names { #expect(try await stack.send("DELETE", "/workflow/schedules/\(name)").status == 204) }
    let ids = try await stack.keys("job:*").map { String($0.suffix(36)) }
    for id in ids { _ = try await stack.end(of: id) }
    #expect(try await Audit(stack).problems(of: ids) == [])
    #expect(try await stack.keys("schedule*") == [])
  }

  @Test(arguments: [1, 4])
  func `However many workers there are, a tick is one run`(_ partitions: Int) async throws {
    try await Stack.with(.init(workers: 3, partitions: partitions)) { stack in
      // On a busy machine a tick may be due before the one before it was fired.
      let rule: JSONObject = ["every_s": 1, "missed": "all"]
      for name in ["a", "b", "c"] { #expect(try await put(stack, name, rule).status == 201) }
      for name in ["a", "b", "c"] { _ = try await runs(stack, name, atLeast: 5) }
      for name in ["a", "b", "c"] {
        let ticks = try await ticks(stack, name)
        #expect(ticks == Array(ticks[0]..<ticks[0] + ticks.count), "\(name)")
      }
      let last = try await find(stack, "a")
      let id = try #require(last.at("last", "job_id")?.stringValue)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished" && status["run_name"] == "periodic")
      #expect(status.at("schedule", "name") == "a" && status.at("schedule", "tick_ts") == last.at("last", "tick_ts"))
      try await audit(stack, "a", "b", "c")
    }
  }

  /// What is said of missed ticks, and which of four of them are fired.
  @Test(arguments: [("skip", []), ("once", [3]), ("all", [0, 1, 2, 3])])
  func `Ticks that no worker was there to fire are missed`(_ missed: String, _ fired: [Int]) async throws {
    try await Stack.with(.init(workers: 1)) { stack in
      let today = try await now(stack) - 43_200
      let rule: JSONObject = [
        "every_s": 86_400, "anchor_ts": .number(JSONNumber(today - 30 * 86_400)), "missed": .string(missed),
      ]
      #expect(try await put(stack, "s", rule).status == 201)
      try await setNext(stack, "s", today - 3 * 86_400)
      let found = try await wait("the next day") {
        let found = try await find(stack, "s")
        return found["next_ts"] == .number(JSONNumber(today + 86_400)) ? found : nil
      }
      #expect(found["runs"]?.numberValue?.int == fired.count && found["skipped"]?.numberValue?.int == 4 - fired.count)
      #expect(try await ticks(stack, "s") == fired.map { today - (3 - $0) * 86_400 })
      try await audit(stack, "s")
    }
  }

  @Test func `While a run has not ended its schedule's ticks are fired, left out, or wait`() async throws {
    try await Stack.with(.init(workers: 1)) { stack in
      // No worker has what these runs need, so that they do not end.
      for name in ["allow", "skip", "wait"] {
        #expect(try await put(stack, name, ["every_s": 1, "overlap": .string(name)]).status == 201)
        _ = try await stack.command("HSET", "\(stack.prefix(ofSchedule: name))schedule:\(name)", "needs", "unknown")
      }
      _ = try await runs(stack, "allow", atLeast: 3)
      _ = try await wait("a tick that is left out") {
        try await find(stack, "skip")["skipped"]?.numberValue?.int ?? 0 > 1 ? true : nil
      }
      // Runs of before the change may have ended.
      for name in ["skip", "wait"] {
        let ids = try await stack.keys("job:*")
        var live = 0
        for id in ids where try await stack.command("HGET", id, "status").string == "queued" {
          if try await stack.command("HGET", id, "schedule").string?.hasSuffix(" \(name)") == true { live += 1 }
        }
        #expect(live == 1, "\(name)")
      }
      let waiting = try await find(stack, "wait")
      let due = try #require(waiting["next_ts"]?.numberValue?.int)
      #expect(due <= (try await now(stack)))
    }
  }

  @Test(arguments: [CommitPoint.beforeTick, .afterTick], [1, 2])
  func `A worker that dies at a tick loses none and doubles none`(_ point: CommitPoint, _ workers: Int) async throws {
    try await CommitPointTests.withTrap(at: point, workers: workers) { stack, _, trap in
      #expect(try await put(stack, "s", ["every_s": 1, "missed": "all"]).status == 201)
      _ = try await runs(stack, "s", atLeast: 1)
      trap.arm()
      try await trap.sprung()
      let count = try await find(stack, "s")["runs"]?.numberValue?.int ?? 0
      _ = try await runs(stack, "s", atLeast: count + 4)
      let ticks = try await ticks(stack, "s")
      #expect(ticks == Array(ticks[0]..<ticks[0] + ticks.count))
      try await audit(stack, "s")
    }
  }

  @Test func `Ticks of the time while Redis stood still are made up for, each once`() async throws {
    try await Stack.with(.init(workers: 2, redis: ["appendfsync always"])) { stack in
      #expect(try await put(stack, "s", ["every_s": 1, "missed": "all"]).status == 201)
      _ = try await runs(stack, "s", atLeast: 1)
      try stack.signal(SIGSTOP, to: "redis")
      let answer = try await put(stack, "s", ["every_s": 1, "missed": "all"])
      #expect(answer.status == 503 && answer.header("Retry-After") != nil)
      try stack.signal(SIGCONT, to: "redis")
      let count = try await find(stack, "s")["runs"]?.numberValue?.int ?? 0
      _ = try await runs(stack, "s", atLeast: count + 2)
      let old = try stack.processID(of: "redis")
      try stack.signal(SIGKILL, to: "redis")
      try await stack.waitForSuccessor(of: "redis", after: old)
      // It answers 503 until it is back.
      let found = try await wait("an answer") {
        let answer = try await stack.send("GET", "/workflow/schedules/s")
        return answer.status == 200 ? try answer.json["runs"]?.numberValue?.int : nil
      }
      _ = try await runs(stack, "s", atLeast: found + 3)
      let ticks = try await ticks(stack, "s")
      #expect(ticks == Array(ticks[0]..<ticks[0] + ticks.count))
      try await audit(stack, "s")
    }
  }

  @Test func `What a scheduled run says of itself counts for each of its runs`() async throws {
    try await Stack.with(.init()) { stack in
      guard case .object(var run) = Self.run else { return }
      run["labels"] = ["team": "search"]
      run["priority"] = "low"
      run["delay_s"] = 3_600
      #expect(try await put(stack, "labelled", ["every_s": 3_600], run: .object(run)).status == 201)
      try await setNext(stack, "labelled", try await now(stack) - 1)
      let found = try await runs(stack, "labelled", atLeast: 1)
      let id = try #require(found.at("last", "job_id")?.stringValue)
      let status = try await stack.status(id)
      #expect(status["status"] == "queued" && status["labels"] == ["team": "search"] && status["priority"] == "low")
      #expect(status["due_ts"]?.numberValue != nil)
    }
  }

  @Test func `The command lists, shows, makes and removes schedules`() async throws {
    try await Stack.with(.init(workers: 1)) { stack in
      let url = ["WF_URL": stack.url]
      #expect(try await wf("schedules", settings: url).error.contains("there are no schedules"))
      try await withFolder { folder in
        var body: JSONObject = ["cron": "0 9 * * mon-fri", "time_zone": "Europe/Berlin"]
        system("echo '\(JSONValue.object(body).text)' > \(folder)/faulty")
        let faulty = try await wf("schedules", "put", "s", "\(folder)/faulty", settings: url)
        #expect(faulty.code == 65 && faulty.error.contains("body.run: Field required"))
        body["run"] = Self.run
        system("echo '\(JSONValue.object(body).text)' > \(folder)/good")
        let made = try await wf("schedules", "put", "s", "\(folder)/good", settings: url)
        #expect(made.code == 0)
        #expect(try JSONValue(parsing: made.output).objectValue?["next_times"]?.arrayValue?.count == 5)
      }
      let list = try await wf("schedules", settings: url)
      #expect(list.code == 0 && list.output.contains("s     0 9 * * mon-fri  Europe/Berlin"), "\(list.output)")
      let json = try await wf("schedules", "list", "--json", settings: url)
      #expect(try JSONValue(parsing: json.output).objectValue?["schedules"]?.arrayValue?.count == 1)
      #expect(
        try await wf("schedules", "show", "s", settings: url).output.contains("\"run\":{\"run_name\":\"periodic\""))
      #expect(try await wf("schedules", "delete", "s", settings: url).code == 0)
      for command in ["show", "delete"] {
        let gone = try await wf("schedules", command, "s", settings: url)
        #expect(gone.code == 66 && gone.error.contains("there is no schedule s"))
      }
      #expect(try await wf("schedules", "put", "a/b", "/dev/null", settings: url).code != 0)
      #expect(try await wf("schedules", "put", "s", "/nowhere", settings: url).code == 66)
    }
  }
}
