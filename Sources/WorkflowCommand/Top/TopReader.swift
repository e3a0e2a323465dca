import Curl
import ExactJSON
import Glibc

/// Reads what `wf top` shows from the API.
struct TopReader: Sendable {
  let client: APIClient

  /// Runs of each kind that are read at most.
  static let mostRuns = 100
  /// Started runs whose steps are read: those that a screen shows first.
  static let mostWithSteps = 20
  /// Queued runs above which ended ones are looked for less often: the API looks at thousands of queued ones for them.
  static let longQueue = 1_000

  /// Asks for everything at one time.
  /// - Parameter last: the look before; nil for the first.
  /// - Throws: when the API is away, or refuses what every key may read.
  func look(after last: TopSnapshot?, number: Int = 0) async throws -> TopSnapshot {
    async let health = health()
    async let counts = allowed { try await client.counts() }
    async let workers = allowed { try await client.workers() }
    async let usage = allowed { try await client.usage(days: 1) }
    async let started = runs(["started"])
    async let queued = runs(["queued"])
    let rereads = last.map { $0.count("queued") < Self.longQueue || number % 10 == 0 } ?? true
    async let ended = rereads ? ended() : last?.ended ?? []
    var snapshot = TopSnapshot(now: Double(time(nil)))
    snapshot.health = try await health
    snapshot.counts = try await counts
    snapshot.workers = try await workers?["workers"]?.arrayValue?.compactMap(\.objectValue)
    snapshot.usage = try await usage?["usage"]?.arrayValue?.compactMap(\.objectValue)
    snapshot.started = await withSteps(try await started)
    snapshot.queued = try await queued
    snapshot.ended = try await ended
    return snapshot
  }

  /// A run with its steps.
  func run(_ id: String) async throws -> TopRun? { TopRun(try await client.steps(of: id)) }

  private func health() async throws -> JSONObject {
    let health: APIClient.Health
    do throws(HTTPError) { health = try await client.health() } catch { throw client.failure(error) }
    guard !health.needsKey else {
      throw CommandFailure("the API wants a key, or another one: WF_API_KEY", code: .noPermission)
    }
    return health.facts
  }

  /// An answer; nil where the key does not allow it, and where an older API does not have it.
  private func allowed(_ read: () async throws -> JSONObject) async throws -> JSONObject? {
    do {
      return try await read()
    } catch let failure as CommandFailure where [.noPermission, .noInput].contains(failure.code) {
      return nil
    }
  }

  private func runs(_ statuses: [String]) async throws -> [TopRun] {
    let page = try await client.runs(statuses.map { ("status", $0) }, limit: Self.mostRuns)
    return (page["runs"]?.arrayValue ?? []).compactMap(\.objectValue).compactMap(TopRun.init)
  }

  /// Those that did not finish have a list in the order of their end; of the others those that were submitted last.
  private func ended() async throws -> [TopRun] {
    async let finished = runs(["finished"])
    async let others = runs(["failed", "cancelled"])
    let all = try await finished + others
    return Array(all.sorted { $0.finished ?? 0 > $1.finished ?? 0 }.prefix(Self.mostRuns))
  }

  /// A run whose steps cannot be read has none: it may have expired, or the API may have too many readers.
  private func withSteps(_ runs: [TopRun]) async -> [TopRun] {
    await withTaskGroup(of: (Int, [TopStep]?).self) { group in
      for (index, run) in runs.prefix(Self.mostWithSteps).enumerated() {
        group.addTask { (index, (try? await self.run(run.id))?.steps) }
      }
      return await group.reduce(into: runs) { $0[$1.0].steps = $1.1 }
    }
  }
}

extension APIClient {
  /// The status of a job without the entries of its log.
  func steps(of job: String) async throws -> JSONObject {
    try await send("GET", "/status/\(APIClient.escaped(job))?since=1000000000", maxResponseBytes: 64 << 20)
  }
}
