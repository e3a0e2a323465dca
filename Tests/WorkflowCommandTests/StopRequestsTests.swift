import Testing

@testable import WorkflowCommand

/// How signals are counted that ask a process to stop.
@Suite struct StopRequestsTests {
  @Test func `Signals of one moment are one request, later ones another`() {
    let start = ContinuousClock.now
    var requests = StopRequests()
    let counts = [0, 0, 1, 499, 500, 999, 1_000].map { delay in
      let isNew = requests.take(at: start + .milliseconds(delay))
      return (isNew, requests.count)
    }
    #expect(counts.map(\.0) == [true, false, false, false, true, false, true])
    #expect(counts.map(\.1) == [1, 1, 1, 1, 2, 2, 3])
  }
}
