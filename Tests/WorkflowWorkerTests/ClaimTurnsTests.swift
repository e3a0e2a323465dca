import Testing
import Workflow

@testable import WorkflowStore
@testable import WorkflowWorker

/// Which of several partitions a worker asks for runs.
@Suite struct ClaimTurnsTests {
  private typealias Load = ClaimSchedule.Load

  private let start = ContinuousClock.now
  private static let room = Load(heldRuns: 0, freeSlots: 8)
  private static let full = Load(heldRuns: 8, freeSlots: 0)
  private var schedule: ClaimSchedule

  init() {
    let classes = (0..<3).map { _ in RunClasses(["now"]) }
    schedule = ClaimSchedule(worker: "w", lease: .seconds(15), classes: classes, at: start)
  }

  private mutating func wake(_ sign: ClaimSchedule.Sign, _ load: Load? = nil) -> Int? {
    let load = load ?? Self.room
    return schedule.wake(sign, load, at: start)?.partition
  }

  private mutating func succeed(_ claim: Claim = Claim(), _ load: Load? = nil) -> Int? {
    schedule.succeed(claim, load ?? Self.room, at: start).next?.partition
  }

  @Test mutating func `A message is followed by a claim of its partition alone`() {
    #expect(wake(.message(partition: 2)) == 2)
    #expect(succeed() == nil && !schedule.isClaiming)
  }

  @Test mutating func `A poll asks every partition once, one after another`() {
    #expect(wake(.poll) == 1)
    #expect(succeed() == 2)
    #expect(succeed() == 0)
    #expect(succeed() == nil)
  }

  @Test mutating func `Only one claim is in flight, whichever partitions have runs`() {
    #expect(wake(.message(partition: 0)) == 0)
    #expect(wake(.message(partition: 1)) == nil && wake(.poll) == nil && wake(.reconnect) == nil)
  }

  @Test mutating func `A busy partition does not keep the worker from the others`() throws {
    let more = try Claim.make(hasLeftRuns: true)
    #expect(wake(.message(partition: 0)) == 0)
    #expect(wake(.message(partition: 1)) == nil && wake(.message(partition: 2)) == nil)
    #expect(succeed(more) == 1)
    #expect(succeed(more) == 2)
    #expect(succeed(more) == 0)
    #expect(succeed(more) == 1)
  }

  @Test mutating func `A free slot goes to the next partition that may have runs, not to the last one again`() throws {
    #expect(wake(.message(partition: 0)) == 0)
    #expect(succeed(try Claim.make(hasLeftRuns: true), Self.full) == nil)
    #expect(wake(.message(partition: 2), Self.full) == nil)
    let one = Load(heldRuns: 7, freeSlots: 1)
    #expect(wake(.freeSlot, one) == 2)
    #expect(succeed(try Claim.make(hasLeftRuns: true), Self.full) == nil)
    #expect(wake(.freeSlot, one) == 0)
    #expect(succeed(try Claim.make(), Self.full) == nil)
    #expect(wake(.freeSlot, one) == 2)
    #expect(succeed(try Claim.make(), Self.full) == nil)
    #expect(wake(.freeSlot, one) == nil && !schedule.mayHaveMore)
  }

  @Test mutating func `Each partition numbers its claims, and settles them by itself`() {
    #expect(schedule.wake(.message(partition: 1), Self.room, at: start)?.request.id == "w/1")
    #expect((0..<3).map { schedule.settledClaim(of: $0) } == [0, 0, 0])
    #expect(succeed() == nil)
    #expect(schedule.wake(.message(partition: 2), Self.room, at: start)?.request.id == "w/1")
    #expect((0..<3).map { schedule.settledClaim(of: $0) } == [0, 1, 0])
    _ = schedule.fail(isAnswer: false, Self.room, at: start)
    #expect((0..<3).map { schedule.settledClaim(of: $0) } == [0, 1, 1])
    #expect(schedule.wake(.message(partition: 1), Self.room, at: start)?.request.id == "w/2")
  }

  @Test mutating func `A partition whose claims fail does not keep the worker from the others`() {
    #expect(wake(.poll) == 1)
    let first = schedule.fail(isAnswer: true, Self.room, at: start)
    #expect(first.next?.partition == 2 && first.isFirst)
    let second = schedule.fail(isAnswer: true, Self.room, at: start)
    #expect(second.next?.partition == 0 && !second.isFirst)
    let third = schedule.succeed(Claim(), Self.room, at: start)
    #expect(third.next == nil && !third.hasRecovered)
    #expect(wake(.poll) == 1)
    #expect(!schedule.succeed(Claim(), Self.room, at: start).hasRecovered)
    #expect(schedule.succeed(Claim(), Self.room, at: start).hasRecovered)
  }

  @Test mutating func `While a partition has elected the worker no other is asked`() throws {
    let held = Load(heldRuns: 1, freeSlots: 7)
    #expect(wake(.message(partition: 0), held) == 0)
    #expect(succeed(try Claim.make(isElected: true), held) == nil)
    #expect(wake(.message(partition: 1), held) == nil && wake(.freeSlot, held) == nil)
    #expect(wake(.poll, held) == 0)
    #expect(succeed(try Claim.make(isElected: true), held) == nil)
    #expect(wake(.freeSlot) == 0)
    // The quarantined run is alone; after it the others have their turn.
    let alone = Load(heldRuns: 1, freeSlots: 7, hasQuarantined: true)
    #expect(succeed(try Claim.make(isSuspect: true), alone) == nil)
    #expect(wake(.freeSlot) == 1)
    #expect(succeed() == 2)
    #expect(succeed() == 0)
  }

  @Test mutating func `A partition that fails after it has elected the worker does not stop the others`() throws {
    let held = Load(heldRuns: 1, freeSlots: 7)
    #expect(wake(.message(partition: 0), held) == 0)
    #expect(succeed(try Claim.make(isElected: true), held) == nil)
    #expect(wake(.poll, held) == 0)
    #expect(schedule.fail(isAnswer: true, held, at: start).next?.partition == 1)
  }
}
