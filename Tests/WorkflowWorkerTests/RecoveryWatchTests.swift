import Testing
import WorkflowStore

@testable import WorkflowWorker

/// When a worker may take lapsed leases.
@Suite struct RecoveryWatchTests {
  private let start = ContinuousClock.now
  private let redis = ServerIdentity(runID: "a", isPrimary: true)

  /// Whether leases may be taken at the last of these seconds, at each of which Redis gives an answer.
  private func verdict(_ answers: [(second: Double, identity: ServerIdentity?)]) -> Bool {
    var watch = RecoveryWatch(lease: .seconds(10))
    var verdict = false
    for answer in answers { verdict = watch.observe(answer.identity, at: start + .seconds(answer.second)) }
    return verdict
  }

  private func every(second range: ClosedRange<Int>, _ identity: ServerIdentity?) -> [(Double, ServerIdentity?)] {
    range.map { (Double($0), identity) }
  }

  @Test func `Leases are taken once the same Redis has answered for one lease`() {
    #expect(!verdict(every(second: 0...9, redis)))
    #expect(verdict(every(second: 0...10, redis)))
  }

  @Test func `An outage restarts the wait`() {
    #expect(!verdict(every(second: 0...10, redis) + [(11, nil)] + every(second: 12...21, redis)))
    #expect(verdict(every(second: 0...10, redis) + [(11, nil)] + every(second: 12...22, redis)))
  }

  @Test func `A Redis that refuses writes restarts the wait`() {
    var watch = RecoveryWatch(lease: .seconds(10))
    var verdicts: [Bool] = []
    for second in 0...22 {
      verdicts.append(watch.observe(redis, at: start + .seconds(second)))
      if second == 11 { watch.restart() }
    }
    #expect(verdicts.indices.filter { verdicts[$0] } == [10, 11, 22])
  }

  @Test func `A restart of Redis restarts the wait`() {
    let other = ServerIdentity(runID: "b", isPrimary: true)
    #expect(!verdict(every(second: 0...10, redis) + every(second: 11...20, other)))
  }

  @Test func `No lease is taken from a replica`() {
    #expect(!verdict(every(second: 0...20, ServerIdentity(runID: "a", isPrimary: false))))
  }

  @Test func `A gap in which this process did not run restarts the wait`() {
    #expect(!verdict(every(second: 0...10, redis) + every(second: 30...39, redis)))
    #expect(verdict(every(second: 0...10, redis) + every(second: 30...40, redis)))
  }

  @Test func `A wait that has been restarted for three leases is overdue until leases are taken`() {
    var watch = RecoveryWatch(lease: .seconds(10))
    #expect(!watch.isOverdue(at: start + .seconds(60)))
    for second in 0...32 {
      _ = watch.observe(redis, at: start + .seconds(second))
      if second % 5 == 0 { watch.restart() }
    }
    #expect(!watch.isOverdue(at: start + .seconds(30)) && watch.isOverdue(at: start + .seconds(32)))
    let mayTake = (33...41).map { watch.observe(redis, at: start + .seconds($0)) }
    #expect(mayTake.last == true)
    #expect(!watch.isOverdue(at: start + .seconds(41)))
  }
}
