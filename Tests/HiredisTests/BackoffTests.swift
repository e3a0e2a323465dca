import Testing

@testable import Hiredis

@Suite struct BackoffTests {
  @Test func `The bound of the wait doubles up to the longest, and a success resets it`() {
    var backoff = Backoff(first: .milliseconds(20), longest: .seconds(1))
    for bound in [20, 40, 80, 160, 320, 640, 1000, 1000] {
      #expect((.zero ... .milliseconds(bound)).contains(backoff.next()))
    }
    backoff.reset()
    #expect(backoff.next() <= .milliseconds(20))
  }
}
