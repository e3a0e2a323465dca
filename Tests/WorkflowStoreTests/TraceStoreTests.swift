import Testing
import Tracing
import Workflow
import WorkflowStore

/// The trace that a run keeps: what a claim and a callback say of it.
@Suite(.timeLimit(.minutes(5))) struct TraceStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private static let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  private func options(_ state: String? = nil, header: String = header) throws -> RunOptions {
    var options = RunOptions()
    let trace: TraceContext = try #require(TraceContext(traceparent: header, state: state))
    options.trace = trace
    return options
  }

  @Test(arguments: [nil, "vendor=1,other=a b c"]) func `A claim brings the trace and the time of the submission`(
    _ state: String?
  ) async throws {
    let options = try options(state)
    let submission = Submission.sample(options: options)
    #expect(try await bench.store.submit(submission) == .accepted(submission.id))
    let job = try await bench.hash("job:\(submission.id)")
    #expect(job["trace"] == Self.header + (state.map { " \($0)" } ?? ""))
    let run = try await bench.claimOne()
    #expect(run.trace == options.trace && run.requestID == "request" && run.owner == nil)
    #expect(run.createdAt.map { "\(Double($0.microseconds) / 1e6)".prefix(12) } == job["created_ts"]?.prefix(12))
    // The same claim, sent again.
    #expect(try await bench.claimOne().trace == options.trace)
  }

  @Test func `A run without a trace has nothing of it`() async throws {
    _ = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(run.trace == nil && run.createdAt == nil)
  }

  @Test func `A trace is there beside an owner and other options, and no key compares it`() async throws {
    var options = try options("a=1")
    options.owner = "alice"
    options.retain = 60
    let first = Submission.sample(options: options, idempotencyKey: "k")
    #expect(try await bench.store.submit(first) == .accepted(first.id))
    var others = try self.options(header: Self.header.dropLast(2) + "00")
    (others.owner, others.retain) = ("alice", 60)
    let second = Submission.sample(options: others, idempotencyKey: "k")
    #expect(try await bench.store.submit(second) == .accepted(first.id))
    others.trace = nil
    let third = Submission.sample(options: others, idempotencyKey: "k")
    #expect(try await bench.store.submit(third) == .accepted(first.id))
    others.retain = 61
    let fourth = Submission.sample(options: others, idempotencyKey: "k")
    #expect(try await bench.store.submit(fourth) == .conflict(first.id))
    let run = try await bench.claimOne()
    #expect(run.trace == options.trace && run.owner == "alice" && run.hasEndOptions)
  }
}
