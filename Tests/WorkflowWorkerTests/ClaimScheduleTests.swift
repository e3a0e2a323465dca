import Testing
import Workflow

@testable import WorkflowStore
@testable import WorkflowWorker

/// When a worker claims runs, and how many.
@Suite struct ClaimScheduleTests {
  private typealias Load = ClaimSchedule.Load

  private let start = ContinuousClock.now
  private var schedule: ClaimSchedule

  init() { schedule = ClaimSchedule(worker: "w", lease: .seconds(15), classes: [RunClasses(["now"])], at: start) }

  private mutating func wake(_ load: Load, after seconds: Double = 0) -> ClaimRequest? {
    schedule.wake(.message(partition: 0), load, at: start + .seconds(seconds))?.request
  }

  private mutating func poll(_ load: Load, after seconds: Double = 0) -> ClaimRequest? {
    schedule.wake(.poll, load, at: start + .seconds(seconds))?.request
  }

  /// Answers the claim in flight.
  private mutating func succeed(
    _ claim: Claim = Claim(), _ load: Load = Load(heldRuns: 0, freeSlots: 8),
    after seconds: Double = 0
  ) -> ClaimRequest? {
    schedule.succeed(claim, load, at: start + .seconds(seconds)).next?.request
  }

  /// Fails the claim in flight, without an answer.
  private mutating func fail() -> Bool {
    schedule.fail(isAnswer: false, Load(heldRuns: 0, freeSlots: 8), at: start).isFirst
  }

  @Test mutating func `A claim asks for as many runs as there are free slots, at most 128`() {
    let first = wake(Load(heldRuns: 3, freeSlots: 5))
    #expect(first?.id == "w/1" && first?.runs == 5 && first?.held == 3 && first?.lease == .seconds(15))
    #expect(succeed() == nil)
    #expect(wake(Load(heldRuns: 0, freeSlots: 1_000))?.runs == 128)
  }

  @Test mutating func `A worker without a free slot does not claim, and misses no answer`() {
    #expect(poll(Load(heldRuns: 8, freeSlots: 0), after: 60) == nil)
    #expect(!schedule.isClaiming && schedule.silence(at: start + .seconds(61)) == .seconds(1))
    #expect(schedule.mayHaveMore)
  }

  @Test mutating func `A wake-up during a claim causes one more claim`() {
    let load = Load(heldRuns: 0, freeSlots: 8)
    #expect(wake(load) != nil)
    #expect(wake(load) == nil && wake(load) == nil)
    #expect(succeed()?.id == "w/2")
    #expect(succeed() == nil && !schedule.isClaiming)
  }

  @Test mutating func `A claim that left runs in the queue is followed by another`() throws {
    #expect(wake(Load(heldRuns: 0, freeSlots: 1)) != nil)
    #expect(succeed(try Claim.make(hasLeftRuns: true), Load(heldRuns: 1, freeSlots: 0)) == nil)
    #expect(schedule.mayHaveMore)
    #expect(wake(Load(heldRuns: 0, freeSlots: 1)) != nil)
    #expect(succeed(try Claim.make(), Load(heldRuns: 1, freeSlots: 1)) == nil)
    #expect(!schedule.mayHaveMore)
  }

  @Test mutating func `A failed claim is sent again under its number, and counts as settled meanwhile`() {
    let load = Load(heldRuns: 0, freeSlots: 8)
    #expect(schedule.settledClaim(of: 0) == 0)
    #expect(wake(load)?.id == "w/1")
    #expect(schedule.settledClaim(of: 0) == 0)
    let isFirst = fail()
    #expect(isFirst)
    #expect(schedule.settledClaim(of: 0) == 1)
    #expect(poll(load)?.id == "w/1")
    #expect(schedule.settledClaim(of: 0) == 0)
    let isFirstAgain = fail()
    #expect(!isFirstAgain)
    #expect(poll(load)?.id == "w/1")
    let (next, hasRecovered) = schedule.succeed(Claim(), load, at: start)
    #expect(next == nil && hasRecovered && schedule.settledClaim(of: 0) == 1)
  }

  @Test mutating func `Only an answer ends the silence of Redis, also one that is an error`() {
    let load = Load(heldRuns: 0, freeSlots: 8)
    _ = wake(load)
    _ = schedule.fail(isAnswer: false, load, at: start + .seconds(10))
    #expect(schedule.silence(at: start + .seconds(40)) == .seconds(40))
    _ = poll(load, after: 40)
    _ = schedule.fail(isAnswer: true, load, at: start + .seconds(41))
    #expect(schedule.silence(at: start + .seconds(42)) == .seconds(1))
  }

  @Test mutating func `A worker that holds a quarantined run claims no other`() {
    #expect(poll(Load(heldRuns: 1, freeSlots: 7, hasQuarantined: true)) == nil)
    #expect(poll(Load(heldRuns: 1, freeSlots: 7))?.hasHadSuspect == false)
  }

  @Test mutating func `After a quarantined run other runs have their turn, and then the next quarantined one`() throws {
    let load = Load(heldRuns: 0, freeSlots: 8)
    _ = wake(load)
    #expect(succeed(try Claim.make(isSuspect: true), Load(heldRuns: 1, freeSlots: 7, hasQuarantined: true)) == nil)
    #expect(schedule.mayHaveMore)
    #expect(wake(load)?.hasHadSuspect == true)
    #expect(succeed(try Claim.make())?.hasHadSuspect == false)
  }

  @Test mutating func `An elected worker claims by poll alone until it holds no run`() throws {
    let full = Load(heldRuns: 1, freeSlots: 7)
    _ = wake(full)
    #expect(succeed(try Claim.make(hasLeftRuns: true, isElected: true), full) == nil)
    #expect(wake(full) == nil)
    #expect(poll(full) != nil)
    #expect(succeed(try Claim.make(isElected: true), full) == nil)
    #expect(wake(Load(heldRuns: 0, freeSlots: 8)) != nil)
    #expect(succeed(try Claim.make(isElected: true), Load(heldRuns: 0, freeSlots: 8)) != nil)
  }

  @Test mutating func `A stopped worker claims no more, and its last claim settles`() throws {
    let load = Load(heldRuns: 0, freeSlots: 8)
    _ = wake(load)
    schedule.stop()
    #expect(schedule.isClaiming && schedule.settledClaim(of: 0) == 0)
    #expect(succeed(try Claim.make(hasLeftRuns: true)) == nil)
    #expect(wake(load) == nil && poll(load) == nil)
    #expect(!schedule.isClaiming && schedule.settledClaim(of: 0) == 2)
  }
}
