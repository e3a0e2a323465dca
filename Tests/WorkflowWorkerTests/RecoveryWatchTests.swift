import Testing
import WorkflowStore

@testable import WorkflowWorker

/// When lapsed leases may be taken.
@Suite struct RecoveryWatchTests {
  private let start = ContinuousClock.now
  private let redis = ServerIdentity(runID: "a", isPrimary: true)

  /// What the watch says at the last of these seconds, Redis answering at each of them.
  private func verdict(_ answers: [(second: Double, identity: ServerIdentity?)]) -> Bool {
    var watch = RecoveryWatch(lease: .seconds(10))
    var verdict = false
    for answer in answers { verdict = watch.observe(answer.identity, at: start + .seconds(answer.second)) }
    return verdict
  }

  private func every(second range: ClosedRange<Int>, _ identity: ServerIdentity?) -> [(Double, ServerIdentity?)] {
    range.map { (Double($0), identity) }
  }

  @Test func `not before the same Redis has answered for one lease`() {
    #expect(!verdict(every(second: 0...9, redis)))
    #expect(verdict(every(second: 0...10, redis)))
  }

  @Test func `an outage begins the count anew`() {
    #expect(!verdict(every(second: 0...10, redis) + [(11, nil)] + every(second: 12...21, redis)))
    #expect(verdict(every(second: 0...10, redis) + [(11, nil)] + every(second: 12...22, redis)))
  }

  @Test func `a Redis that refuses writes begins the count anew`() {
    var watch = RecoveryWatch(lease: .seconds(10))
    var verdicts: [Bool] = []
    for second in 0...22 {
      verdicts.append(watch.observe(redis, at: start + .seconds(second)))
      if second == 11 { watch.restart() }
    }
    #expect(verdicts.indices.filter { verdicts[$0] } == [10, 11, 22])
  }

  @Test func `a restarted Redis is another one`() {
    let other = ServerIdentity(runID: "b", isPrimary: true)
    #expect(!verdict(every(second: 0...10, redis) + every(second: 11...20, other)))
  }

  @Test func `a replica does not count`() {
    #expect(!verdict(every(second: 0...20, ServerIdentity(runID: "a", isPrimary: false))))
  }

  @Test func `a gap in which this process stood still begins the count anew`() {
    #expect(!verdict(every(second: 0...10, redis) + every(second: 30...39, redis)))
    #expect(verdict(every(second: 0...10, redis) + every(second: 30...40, redis)))
  }
}
