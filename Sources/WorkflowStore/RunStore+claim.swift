import Hiredis
import LinuxSupport
public import Workflow

/// What a worker asks of the queue.
public struct ClaimRequest: Sendable {
  /// A random id of this claim; sending it again brings the same runs again.
  public var id: String
  /// The worker.
  public var worker: String
  /// How many runs it has room for.
  public var runs: Int
  /// How many it holds already; only a worker that holds none is given a suspect: a run whose next crash would end it.
  public var held: Int
  /// How long the runs are the worker's without a heartbeat.
  public var lease: Duration
  /// Whether the worker has just had a suspect, so that other runs have their turn first.
  public var hasHadSuspect = false
  /// Bytes of documents after which no further run is taken.
  public var documentBytes = 8 << 20

  /// A request for runs.
  public init(id: String, worker: String, runs: Int, held: Int = 0, lease: Duration) {
    self.id = id
    self.worker = worker
    self.runs = runs
    self.held = held
    self.lease = lease
  }
}

/// What a claim brought.
public struct Claim: Sendable {
  /// The runs, to be begun in this order.
  public var runs: [ClaimedRun] = []
  /// Runs whose documents cannot be read: the worker holds them, and ends them as failed.
  public var unreadable: [(run: HeldRun, claimedAt: Timestamp, error: StoreError)] = []
  /// Queue entries without a queued job, which were dropped.
  public var dropped = 0
  /// Whether runs are left in the queue.
  public var hasLeftRuns = false
  /// Whether the worker should take no other run until it holds none: then it is given a suspect.
  public var isElected = false
}

extension RunStore {
  /// Takes runs from the queue. Safe to send twice with the same claim id.
  public func claim(_ request: ClaimRequest) async throws(StoreError) -> Claim {
    try await withUnsafeContinuation { continuation in
      claim(request) { continuation.resume(returning: $0) }
    }.get()
  }

  /// The same without waiting: what the claim brought is handed to a function, on the connection's thread.
  public func claim(
    _ request: ClaimRequest, then function: @escaping @Sendable (Result<Claim, StoreError>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(request.id)
    arguments.append(request.runs)
    arguments.append(request.held)
    arguments.append(request.lease.milliseconds)
    arguments.append(request.documentBytes)
    arguments.append(request.worker)
    arguments.append(request.hasHadSuspect ? 1 : 0)
    let names = [
      keys.leases, keys.claim(request.worker), keys.suspects, keys.queue, keys.elected, keys.idle,
      keys.repairs,
    ]
    CommitPoint.beforeClaim.pass()
    connection.evaluate(Scripts.claim, keys: names, arguments: arguments, timeout: timeout) { [self] outcome in
      switch outcome {
      case .success(let reply): function(Result { () throws(StoreError) in try claim(in: reply) })
      case .failure(let error): function(.failure(StoreError(error)))
      }
    }
  }

  private func claim(in reply: RedisReply) throws(StoreError) -> Claim {
    guard let parts = reply.array, parts.count >= 4, let time = parts[0].int, let dropped = parts[1].int else {
      throw RunStore.damaged(Scripts.claim, reply)
    }
    clock.set(time)
    if parts.count > 4 { CommitPoint.afterClaim.pass() }
    var claim = Claim(dropped: dropped, hasLeftRuns: parts[2].int == 1, isElected: parts[3].int == 1)
    for part in parts.dropFirst(4) {
      guard let words = part.array, words.count == 11, let id = words[0].string.flatMap({ JobID($0) }),
        let token = words[1].string
      else { throw RunStore.damaged(Scripts.claim, part) }
      let claimedAt = words[3].string.flatMap { Timestamp($0) } ?? Timestamp(microseconds: time)
      let held = HeldRun(id: id, token: token)
      do {
        claim.runs.append(try ClaimedRun(held, claimedAt: claimedAt, words: words, cache: steps))
      } catch {
        claim.unreadable.append((held, claimedAt, error))
      }
    }
    return claim
  }
}

extension ClaimedRun {
  fileprivate init(
    _ held: HeldRun, claimedAt: Timestamp, words: [RedisReply], cache: TextCache<StepList>
  ) throws(StoreError) {
    let recorded = words[10].array ?? []
    try self.init(
      held, claimedAt: claimedAt, isSuspect: words[2].int == 1, isFirst: words[4].int == 1,
      runName: words[5].string ?? "", requestID: words[6].string ?? "", steps: words[7].bytesValue,
      inputs: words[8].bytesValue, logBytes: words[9].int,
      recorded: stride(from: 0, to: recorded.count - 1, by: 2).map { index in
        (recorded[index].string ?? "", recorded[index + 1].bytesValue ?? [])
      }, cache: cache)
  }
}
