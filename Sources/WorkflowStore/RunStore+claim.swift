import Hiredis
import LinuxSupport
import Tracing
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
  /// The classes of runs that the worker serves; a claim that meets new ones takes note of them.
  public var classes: RunClasses
  /// Whether the worker has just had a suspect, so that other runs have their turn first.
  public var hasHadSuspect = false
  /// Bytes of documents after which no further run is taken.
  public var documentBytes = 8 << 20

  /// A request for runs.
  public init(id: String, worker: String, runs: Int, held: Int = 0, lease: Duration, classes: RunClasses) {
    self.id = id
    self.worker = worker
    self.runs = runs
    self.held = held
    self.lease = lease
    self.classes = classes
  }
}

/// What a claim brought.
public struct Claim: Sendable {
  /// The runs, to be begun in this order.
  public var runs: [ClaimedRun] = []
  /// Runs whose documents are to be read before they can begin.
  public var unread: [UnreadRun] = []
  /// Runs whose documents make no sense: the worker holds them, and ends them as failed.
  public var unreadable: [(run: HeldRun, claimedAt: Timestamp, error: StoreError)] = []
  /// Queue entries without a queued job, which were dropped.
  public var dropped = 0
  /// Whether runs are left in the queue.
  public var hasLeftRuns = false
  /// Whether the worker should take no other run until it holds none: then it is given a suspect.
  public var isElected = false
}

extension RunStore {
  /// Bytes of steps and inputs up to which a claim brings them.
  static let shortDocuments = 32 << 10

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
    CommitPoint.beforeClaim.pass()
    let names = [keys.leases, keys.claim(request.worker), keys.elected]
    connection.evaluate(Scripts.claim, keys: names, arguments: arguments(of: request), timeout: timeout) {
      [self] outcome in
      switch outcome {
      case .success(let reply):
        let outcome = Result { () throws(StoreError) in try claim(in: reply, learning: request.classes) }
        // There are runs that it may take, and that it did not know of.
        if case .success(nil) = outcome { return claim(request, then: function) }
        function(outcome.map { $0 ?? Claim() })
      case .failure(let error): function(.failure(failure(error)))
      }
    }
  }

  private func arguments(of request: ClaimRequest) -> RedisArguments {
    let served = request.classes.served
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(request.id)
    arguments.append(request.runs)
    arguments.append(request.held)
    arguments.append(request.lease.milliseconds)
    arguments.append(request.documentBytes)
    arguments.append(request.worker)
    arguments.append(request.hasHadSuspect ? 1 : 0)
    arguments.append(Self.shortDocuments)
    arguments.append(served.count)
    for name in served.classes { arguments.append(name) }
    return arguments
  }

  /// - Returns: nil when nothing came, and there are classes that the worker has not known.
  private func claim(in reply: RedisReply, learning classes: RunClasses) throws(StoreError) -> Claim? {
    guard let parts = reply.array, parts.count >= 5, let time = parts[0].int, let dropped = parts[1].int else {
      throw Self.damaged(Scripts.claim, reply)
    }
    clock.set(time)
    if parts.count > 5 { CommitPoint.afterClaim.pass() }
    var claim = Claim(dropped: dropped, hasLeftRuns: parts[2].int == 1, isElected: parts[3].int == 1)
    if let all = parts[4].array {
      classes.learn(all.map { $0.string ?? "" })
      if parts.count == 5, dropped == 0 { return nil }
      claim.hasLeftRuns = true
    }
    let words = parts.dropFirst(5)
    for (position, index) in stride(from: words.startIndex, to: words.endIndex - 2, by: 3).enumerated() {
      let name = words[index + 1].string ?? ""
      guard let head = RunHead(words[index].bytesValue ?? [], name: name, position: position, fallback: time) else {
        throw Self.damaged(Scripts.claim, words[index])
      }
      take(head, words[index + 2].bytesValue, in: &claim)
    }
    return claim
  }

  private func take(_ head: RunHead, _ documents: [UInt8]?, in claim: inout Claim) {
    guard let documents, !head.isRecorded else { return claim.unread.append(UnreadRun(head)) }
    do {
      claim.runs.append(try ClaimedRun(head, submitted: documents, cache: steps))
    } catch {
      claim.unreadable.append((head.held, head.claimedAt, error))
    }
  }
}

/// What a claim says of a run besides its documents.
struct RunHead: Sendable {
  let held: HeldRun
  let isSuspect: Bool
  let claimedAt: Timestamp
  /// How long it has waited for its first claim; nil in a later one.
  let waited: Duration?
  /// When it was first started; that of this claim where it is not known, or where the run was run again.
  let startedAt: Timestamp
  /// Whether its log does not say yet that it was taken.
  let isFirst: Bool
  let runName: String
  let requestID: String
  /// Bytes of its submitted text.
  let documentBytes: Int
  let logBytes: Int
  /// Whether something that its steps returned is recorded.
  let isRecorded: Bool
  /// Whether its end needs what its job says of it: how long it is kept, its time limit, its owner.
  let hasEndOptions: Bool
  /// Whose run it is.
  let owner: String?
  /// How often it was run again after it had ended.
  let generation: Int
  /// When it was submitted, where it has a trace.
  let createdAt: Timestamp?
  /// The trace that it belongs to.
  let trace: TraceContext?
  /// Its place among the runs of the claim.
  let position: Int

  /// Reads what claim.lua says of a run.
  init?(_ text: [UInt8], name: String, position: Int, fallback time: Int = 0) {
    let lineEnd = text.firstIndex(of: UInt8(ascii: "\n"))
    var words = Words(rest: text[..<(lineEnd ?? text.endIndex)])
    guard let id = JobID(words.nextText()) else { return nil }
    held = HeldRun(id: id, token: words.nextText())
    isSuspect = words.next().first == UInt8(ascii: "1")
    isFirst = words.next().first == UInt8(ascii: "1")
    isRecorded = words.next().first == UInt8(ascii: "1")
    guard let logged = Int(digits: words.next()) else { return nil }
    logBytes = logged
    let claimed = Timestamp(words.next()) ?? Timestamp(microseconds: time)
    let since = words.next()
    _ = words.next()  // the class
    // What is missing makes the run unreadable, and no other.
    documentBytes = Int(digits: words.next()) ?? 0
    requestID = words.nextText()
    let owner = words.nextText()
    hasEndOptions = !owner.isEmpty
    self.owner = owner.isEmpty || owner == "-" ? nil : owner
    generation = Int(digits: words.next()) ?? 0
    if let lineEnd {
      var traced = Words(rest: text[(lineEnd + 1)...])
      createdAt = Timestamp(traced.next())
      trace = TraceContext(line: String(decoding: traced.rest, as: UTF8.self))
    } else {
      (createdAt, trace) = (nil, nil)
    }
    let reference = Timestamp(since.dropFirst())
    let hasWaited = since.first == UInt8(ascii: "q")
    waited = hasWaited ? reference.map { max(.zero, claimed - $0) } : nil
    startedAt = hasWaited || generation > 0 ? claimed : reference ?? claimed
    claimedAt = claimed
    runName = name
    self.position = position
  }

  /// Words between blanks; empty ones after the last.
  private struct Words {
    var rest: ArraySlice<UInt8>

    mutating func next() -> ArraySlice<UInt8> {
      let end = rest.firstIndex(of: UInt8(ascii: " ")) ?? rest.endIndex
      defer { rest = rest[end...].dropFirst() }
      return rest[..<end]
    }

    mutating func nextText() -> String { String(decoding: next(), as: UTF8.self) }
  }
}

/// A run that a worker holds, and whose documents it has not read.
public struct UnreadRun: Sendable {
  let head: RunHead

  init(_ head: RunHead) { self.head = head }

  /// The run, with the fencing token of the claim.
  public var run: HeldRun { head.held }
  /// The id of the request that submitted it.
  public var requestID: String { head.requestID }
  /// Whether its next crash would end it.
  public var isSuspect: Bool { head.isSuspect }
  /// When it was taken; no entry of this claim has a lower time.
  public var claimedAt: Timestamp { head.claimedAt }
  /// Bytes of its progress log.
  public var logBytes: Int { head.logBytes }
  /// Its place among all runs of its claim.
  public var position: Int { head.position }
}
