import Curl
import ExactJSON
import Glibc
import Hiredis
import SystemHarness
import Testing
import WorkflowStore

/// The inbox while workers die: each entry is one run, in order.
@Suite(.enabled(if: PythonInbox.folder != nil, "make test installs the client"), .timeLimit(.minutes(3)))
struct InboxCrashTests {
  /// The times at which runs were accepted, in the order of their entries.
  private func times(_ found: PythonInbox.Found, _ ids: [String]) -> [Double] {
    ids.map { Double(found.fact("created_ts", $0)) ?? 0 }
  }

  @Test(arguments: [1, 4])
  func `2,000 entries are a run each, in order, whichever workers die`(_ partitions: Int) async throws {
    let settings = ["WF_LEASE_S": "2"]
    try await Stack.with(.init(workers: 3, settings: settings, partitions: partitions)) { stack in
      let ids = (0..<2_000).map { _ in Entries.id() }
      let entries = ids.enumerated().map { Entries.entry($1, Entries.storing($0)) }
      let isOver = Flag()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await kill(stack, until: isOver) }
        let found = try await PythonInbox(stack: stack).submit(entries, jobs: ids)
        isOver.set()
        for id in ids { #expect(found.fact("status", id) == "finished") }
        let times = times(found, ids)
        #expect(times == times.sorted())
        try await group.waitForAll()
      }
      #expect(try await stack.total("LLEN", "store:numbers") == 2_000)
      #expect(try await stack.keys("job:*").count == 2_000)
      #expect(try await stack.command("LLEN", "wf:inbox").int == 0)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  /// Kills one worker after another, three times each, as soon as its successor is there.
  private func kill(_ stack: Stack, until isOver: Flag) async throws {
    for _ in 0..<3 {
      for part in ["worker-1", "worker-2", "worker-3"] where !isOver.isSet {
        _ = try await wait("an entry") {
          if isOver.isSet { return true }
          return try await stack.command("LLEN", "wf:inbox").int ?? 0 > 0 ? true : nil
        }
        let process = try stack.processID(of: part)
        try stack.signal(SIGKILL, to: part)
        try await stack.waitForSuccessor(of: part, after: process)
      }
    }
  }

  @Test(arguments: [CommitPoint.beforeTake, .afterTake], [1, 4])
  func `A worker that dies while it takes entries loses none and doubles none`(
    _ point: CommitPoint, _ workers: Int
  ) async throws {
    try await CommitPointTests.withTrap(at: point, workers: workers) { stack, _, trap in
      trap.arm()
      let ids = (0..<20).map { _ in Entries.id() }
      let (faulty, waiting) = (Entries.id(), Entries.id())
      let unknown = #"{"run_name": "x", "steps": [{"id": "a", "op": "no such"}]}"#
      let entries =
        ["no entry", Entries.entry(faulty, "{}"), Entries.entry(waiting, unknown)]
        + ids.enumerated().map { Entries.entry($1, Entries.storing($0)) }
      let found = try await PythonInbox(stack: stack).submit(entries, jobs: ids + [faulty, waiting], refused: 1)
      for id in ids { #expect(found.fact("status", id) == "finished") }
      for id in [faulty, waiting] { #expect(found.fact("error_code", id) == "invalid_request") }
      #expect(found.refused.count == 1)
      let times = times(found, ids)
      #expect(times == times.sorted())
      #expect(try await stack.total("LLEN", "store:numbers") == ids.count)
      #expect(try await Audit(stack).problems(of: ids + [faulty, waiting]) == [])
    }
  }

  @Test func `While Redis is away entries wait, and none is doubled`() async throws {
    try await Stack.with(.init(workers: 2, redis: ["appendfsync always"])) { stack in
      let python = PythonInbox(stack: stack)
      let first = (0..<200).map { _ in Entries.id() }
      async let found = python.submit(
        first.enumerated().map { Entries.entry($1, Entries.storing($0)) }, jobs: first)
      _ = try await wait("a run") { try await stack.keys("job:*").isEmpty ? nil : true }
      try stack.signal(SIGSTOP, to: "redis")
      let answer = try await stack.post(Examples.example.bytes)
      #expect(answer.status == 503)
      try stack.signal(SIGCONT, to: "redis")
      for id in first { #expect(try await found.fact("status", id) == "finished") }
      #expect(try await stack.total("LLEN", "store:numbers") == first.count)
      // The refused request may have been carried out when Redis went on.
      try await stack.waitForAllEnds()
      #expect(try await Audit(stack).problems(of: first) == [])
    }
  }
}
