import FastCGI
import Testing
import WorkflowStore

@testable import WorkflowAPI

/// What requests take together.
@Suite(.timeLimit(.minutes(5))) struct QuotaTests {
  @Test func `shares are given as far as they fit, and come back when they are let go of`() {
    let quota = Quota(limit: 10)
    var first = quota.acquire(4)
    let second = quota.acquire(6)
    #expect(first != nil && second != nil)
    #expect(quota.acquire(1) == nil)
    first = nil
    #expect(quota.acquire(5) == nil)
    #expect(quota.acquire(4) != nil)
    withExtendedLifetime(second) {}
  }

  @Test func `more than the whole is given to one that is alone`() {
    let quota = Quota(limit: 10)
    let whole = quota.acquire(25)
    #expect(whole != nil)
    #expect(quota.acquire(1) == nil)
    withExtendedLifetime(whole) {}
    let small = quota.acquire(1)
    #expect(quota.acquire(25) == nil)
    withExtendedLifetime(small) {}
  }

  @Test func `who waits gets a share when there is one, and none when cancelled`() async {
    let quota = Quota(limit: 10)
    var taken = quota.acquire(10)
    let waiting = Task { await quota.wait(for: 3) != nil }
    let cancelled = Task { await quota.wait(for: 3) != nil }
    cancelled.cancel()
    #expect(await cancelled.value == false)
    withExtendedLifetime(taken) {}
    taken = nil
    #expect(await waiting.value)
  }

  @Test func `large documents leave room for small ones, and waiting clients for others`() throws {
    let quotas = Quotas(connections: 8)
    let large = try [32 << 20, 32 << 20].map { try quotas.document($0) }
    let areLarge = large.allSatisfy(\.isLarge)
    #expect(areLarge)
    #expect(throws: APIError.self) { try quotas.document(1 << 20) }
    let small = try quotas.document(2_000)
    #expect(!small.isLarge)
    let places = try (0..<6).map { _ in try quotas.longRequest() }
    let refusal = #expect(throws: APIError.self) { try quotas.longRequest() }
    #expect(refusal?.status == 503)
    #expect(refusal?.response.headers.contains { $0.name == "Retry-After" } == true)
    withExtendedLifetime((large, small, places)) {}
  }
}
