import Glibc
import Hiredis
import RedisFixture
import Testing
import WorkflowStore

/// Calls that arrive in any order, twice or late, do what the scripts' contracts say.
///
/// `INTERLEAVINGS=100000` tries more, `SEED=N` others. A failure names the seed and all calls before it.
@Suite(.timeLimit(.minutes(20))) struct InterleavingTests {
  private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

  @Test func `In every order of calls, answers and state are the model's`() async throws {
    let count = Self.number("INTERLEAVINGS") ?? 4_000
    let seed = UInt64(Self.number("SEED") ?? .random(in: 0..<1_000_000_000))
    let server = RedisServer()
    let lanes = 4
    try await withThrowingTaskGroup { group in
      for lane in 0..<lanes {
        group.addTask {
          let redis = RedisConnection(try server.address(), name: "test", logger: .silent)
          defer { redis.close() }
          for number in stride(from: lane, to: count, by: lanes) {
            var interleaving = Interleaving(number, seed: seed, redis: redis)
            do { try await interleaving.run(calls: 20) } catch { throw Failure(seed: seed, error: error) }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    let seed: UInt64
    let error: any Error
    var description: String { "SEED=\(seed): \(error)" }
  }
}
