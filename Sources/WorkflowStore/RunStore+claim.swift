import Hiredis

/// What a worker asks of the queue.
public struct ClaimRequest: Sendable {
  /// A random id of this claim; sending it again brings the same runs again.
  public var id: String
  /// The worker.
  public var worker: String
  /// How many runs it has room for.
  public var runs: Int
  /// How many of them may be suspects: runs whose last worker died under them.
  public var suspects: Int
  /// How long the runs are the worker's without a heartbeat.
  public var lease: Duration
  /// Bytes of documents after which no further run is taken.
  public var documentBytes = 8 << 20

  /// A request for runs.
  public init(id: String, worker: String, runs: Int, suspects: Int, lease: Duration) {
    self.id = id
    self.worker = worker
    self.runs = runs
    self.suspects = suspects
    self.lease = lease
  }
}

/// What a claim brought.
public struct Claim: Sendable {
  /// The runs, to be begun in this order.
  public var runs: [ClaimedRun] = []
  /// Runs whose documents cannot be read: the worker holds them, and ends them as failed.
  public var unreadable: [(run: HeldRun, error: StoreError)] = []
  /// Queue entries without a queued job, which were dropped.
  public var dropped = 0
}

extension RunStore {
  /// Takes runs from the queue. Safe to send twice with the same claim id.
  public func claim(_ request: ClaimRequest) async throws(StoreError) -> Claim {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(request.id)
    arguments.append(request.runs)
    arguments.append(request.suspects)
    arguments.append(request.lease.milliseconds)
    arguments.append(request.documentBytes)
    arguments.append(request.worker)
    let names = [keys.leases, keys.claim(request.worker), keys.suspects, keys.queue, keys.repairs]
    CommitPoint.beforeClaim.pass()
    let reply = try await evaluate(Scripts.claim, names, arguments)
    guard let parts = reply.array, let dropped = parts.first?.int else {
      throw RunStore.damaged(Scripts.claim, reply)
    }
    if parts.count > 1 { CommitPoint.afterClaim.pass() }
    var claim = Claim(dropped: dropped)
    for part in parts.dropFirst() {
      guard let fields = part.array, fields.count == 4,
        let id = fields[0].string.flatMap({ JobID($0) }), let token = fields[1].string
      else { throw RunStore.damaged(Scripts.claim, part) }
      do {
        claim.runs.append(try ClaimedRun(id: id, token: token, fields: fields))
      } catch {
        claim.unreadable.append((HeldRun(id: id, token: token), error))
      }
    }
    return claim
  }
}

extension ClaimedRun {
  fileprivate init(id: JobID, token: String, fields: [RedisReply]) throws(StoreError) {
    let documents = fields[3].array ?? []
    var byName: [String: [UInt8]] = [:]
    for index in stride(from: 0, to: documents.count - 1, by: 2) {
      guard let name = documents[index].string else { continue }
      byName[name] = documents[index + 1].bytesValue
    }
    try self.init(id: id, token: token, isSuspect: fields[2].int == 1, job: byName)
  }
}

extension Duration {
  /// Whole milliseconds.
  public var milliseconds: Int { Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000) }
  /// Whole microseconds.
  var microseconds: Int { Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000) }
}
