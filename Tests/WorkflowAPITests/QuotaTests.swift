import FastCGI
import Testing
import WorkflowStore

@testable import WorkflowAPI

/// What requests take together.
@Suite(.timeLimit(.minutes(1))) struct QuotaTests {
  @Test func `shares are given as far as they fit, and come back when they are let go of`() {
    let quota = Quota(limit: 10)
    var first = quota.take(4)
    let second = quota.take(6)
    #expect(first != nil && second != nil)
    #expect(quota.take(1) == nil)
    first = nil
    #expect(quota.take(5) == nil)
    #expect(quota.take(4) != nil)
    withExtendedLifetime(second) {}
  }

  @Test func `more than the whole is given to one that is alone`() {
    let quota = Quota(limit: 10)
    let whole = quota.take(25)
    #expect(whole != nil)
    #expect(quota.take(1) == nil)
    withExtendedLifetime(whole) {}
    let small = quota.take(1)
    #expect(quota.take(25) == nil)
    withExtendedLifetime(small) {}
  }

  @Test func `who waits gets a share when there is one, and none when cancelled`() async {
    let quota = Quota(limit: 10)
    var taken = quota.take(10)
    let waiting = Task { await quota.wait(for: 3) != nil }
    let cancelled = Task { await quota.wait(for: 3) != nil }
    cancelled.cancel()
    #expect(await cancelled.value == false)
    withExtendedLifetime(taken) {}
    taken = nil
    #expect(await waiting.value)
  }

  @Test func `large documents leave room for small ones, and waiting clients for others`() throws {
    let allowances = Allowances(connections: 8)
    let large = try [32 << 20, 32 << 20].map { try allowances.document($0) }
    let areLarge = large.allSatisfy(\.isLarge)
    #expect(areLarge)
    #expect(throws: APIError.self) { try allowances.document(nil) }
    let small = try allowances.document(2_000)
    #expect(!small.isLarge)
    let places = try (0..<6).map { _ in try allowances.place() }
    let refusal = #expect(throws: APIError.self) { try allowances.place() }
    #expect(refusal?.status == 503)
    #expect(refusal?.response.headers.contains { $0.name == "Retry-After" } == true)
    withExtendedLifetime((large, small, places)) {}
  }
}
