import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import Synchronization
import SystemHarness
import Testing

extension Stack {
  /// Runs a body against a stack whose model is a server of the test's own; without it a run fails. The lease is short.
  static func withModel(
    workers: Int = 1, apis: Int = 1, settings: [String: String] = [:], redis: [String] = [],
    redisURL: String? = nil, partitions: Int = TestPartitions.count,
    _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    let model = try ModelServer()
    defer { model.close() }
    let own = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail", "WF_LEASE_S": "2"]
    let options = Options(
      workers: workers, apis: apis, settings: own.merging(settings) { $1 }, redis: redis, redisURL: redisURL,
      partitions: partitions)
    try await Stack.with(options) { try await body($0, model) }
  }

  /// The part that holds a run.
  func holder(of id: String) async throws -> String {
    let worker = try #require(try await worker(of: id))
    let process = try #require(worker.split(separator: "-").dropLast().last)
    let parts = (1...8).map { "worker-\($0)" }
    return try #require(parts.first { (try? processID(of: $0)).map { "\($0)" == process } ?? false })
  }

  /// Crashes in a row that were counted of a run when it was claimed last.
  func crashes(of id: String) async throws -> Int {
    let again = try await command("HGET", key("job", id), "again").string?.split(separator: " ") ?? []
    return again.count == 5 ? Int(again[1]) ?? 0 : 0
  }

  /// Waits until so much of Redis's time has passed.
  func passTime(_ seconds: Int) async throws {
    func now() async throws -> Int { try await command("TIME").array?.first?.int ?? 0 }
    let start = try await now()
    _ = try await wait("\(seconds) s") { try await now() > start + seconds ? true : nil }
  }

  /// Waits until another process has taken a part's place.
  func waitForSuccessor(of part: String, after process: Int32) async throws {
    _ = try await wait("another \(part)") { (try? processID(of: part)).flatMap { $0 != process ? true : nil } }
  }
}

/// Something that tasks look at until another sets it.
final class Flag: Sendable {
  private let state = Atomic(false)

  /// Whether it is set.
  var isSet: Bool { state.load(ordering: .acquiring) }

  /// Sets it, for good.
  func set() { state.store(true, ordering: .releasing) }
}
