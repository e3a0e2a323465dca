import Synchronization
import Testing
import Workflow

@testable import WorkflowStore
@testable import WorkflowWorker

/// Which partitions a worker asks for runs where these are on several servers.
@Suite struct ClaimSpreadTests {
  private typealias Load = ClaimSchedule.Load

  private final class Down: Sendable {
    private let numbers = Mutex<Set<Int>>([])
    func set(_ numbers: Set<Int>) { self.numbers.withLock { $0 = numbers } }
    func contains(_ number: Int) -> Bool { numbers.withLock { $0.contains(number) } }
  }

  private let start = ContinuousClock.now
  private let down = Down()
  private static let room = Load(heldRuns: 0, freeSlots: 8)
  private var schedule: ClaimSchedule

  init() {
    schedule = ClaimSchedule(
      worker: "w", lease: .seconds(15), classes: (0..<3).map { _ in RunClasses(["now"]) },
      isDown: { [down] in down.contains($0) }, at: start)
  }

  private mutating func wake(
    _ sign: ClaimSchedule.Sign, _ load: Load? = nil, after seconds: Double = 0
  ) -> ClaimSchedule.Next? {
    let load = load ?? Self.room
    return schedule.wake(sign, load, at: start + .seconds(seconds))
  }

  private mutating func succeed(_ number: Int, _ claim: Claim = Claim(), after seconds: Double = 0) -> Int? {
    schedule.succeed(claim, of: number, Self.room, at: start + .seconds(seconds)).next?.partition
  }

  @Test mutating func `A partition that is down is not asked until it is up`() {
    down.set([1])
    #expect(wake(.poll)?.partition == 2)
    #expect(succeed(2) == 0)
    #expect(succeed(0) == nil)
    #expect(wake(.message(partition: 1)) == nil && !schedule.isClaiming)
    down.set([])
    #expect(wake(.message(partition: 0))?.partition == 1)
    #expect(succeed(1) == 0)
  }

  @Test mutating func `Where all are down the silence grows, so that a stuck connection is seen`() {
    down.set([0, 1, 2])
    #expect(wake(.poll, after: 40) == nil)
    #expect(schedule.silence(at: start + .seconds(40)) == .seconds(40))
  }

  @Test(arguments: [(0, 8, 4), (2, 6, 4), (4, 4, 4), (5, 3, 3), (7, 1, 1), (0, 9, 5)])
  mutating func `A claim asks for all free slots, up to half of all slots`(held: Int, free: Int, asked: Int) {
    let next = wake(.message(partition: 0), Load(heldRuns: held, freeSlots: free))
    #expect(next?.request.runs == asked)
  }

  @Test mutating func `A claim leaves half of the slots, and one without an answer delays no other`() {
    let first = wake(.message(partition: 0))
    #expect(first?.partition == 0 && first?.request.runs == 4)
    #expect(wake(.message(partition: 1), after: 0.9) == nil)
    #expect(wake(.poll, after: 0.9) == nil)
    let second = wake(.poll, after: 1)
    // Four slots are for the answer that may come; a quarantined run would not be alone.
    #expect(second?.partition == 1 && second?.request.runs == 2 && second?.request.held == 4)
    #expect(succeed(1, after: 1) == 2)
    #expect(succeed(2, after: 1) == nil && schedule.isClaiming)
    #expect(schedule.settledClaim(of: 0) == 0)
    // The answer comes late.
    #expect(succeed(0, after: 3) == 0)
    #expect(succeed(0, after: 3) == nil)
    #expect(!schedule.isClaiming && schedule.settledClaim(of: 0) == 2)
    #expect(wake(.message(partition: 0), after: 3)?.request.runs == 4)
  }

  @Test mutating func `A claim of a partition that goes down is not waited for, and is sent again under its number`() {
    #expect(wake(.message(partition: 0))?.request.id == "w/1")
    down.set([0])
    #expect(wake(.poll)?.partition == 1)
    let failure = schedule.fail(of: 0, isAnswer: false, Self.room, at: start)
    #expect(failure.next == nil && failure.isFirst && schedule.settledClaim(of: 0) == 1)
    #expect(succeed(1) == 2)
    #expect(succeed(2) == nil && !schedule.isClaiming)
    down.set([])
    #expect(wake(.message(partition: 0))?.request.id == "w/1")
  }

  @Test mutating func `A partition that is down after it has elected the worker does not stop the others`() throws {
    let held = Load(heldRuns: 1, freeSlots: 7)
    #expect(wake(.message(partition: 0), held)?.partition == 0)
    var claim = Claim()
    claim.isElected = true
    #expect(schedule.succeed(claim, of: 0, held, at: start).next == nil)
    #expect(wake(.message(partition: 1), held) == nil)
    down.set([0])
    #expect(wake(.message(partition: 1), held)?.partition == 1)
  }
}
