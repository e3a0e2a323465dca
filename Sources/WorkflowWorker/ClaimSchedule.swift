import WorkflowStore

/// Decides when a worker claims runs and how many; at most one claim is in flight.
struct ClaimSchedule {
  /// The runs and slots of the worker at the moment.
  struct Load {
    var heldRuns: Int
    var freeSlots: Int
    /// Whether it holds a quarantined run, which must be alone.
    var hasQuarantined = false
  }

  /// The most runs of one claim. A script delays every other client of Redis; this many runs take it some 2 ms.
  private static let mostRuns = 128

  private let worker: String
  private let lease: Duration
  /// The classes of runs that the worker has the operations for.
  private let classes: RunClasses
  /// The number of the next claim. A failed claim is sent again under its number, because it may have taken runs.
  private var number = 1
  private(set) var isClaiming = false
  /// Whether another claim became due while one was in flight.
  private var isWoken = false
  /// Whether the last claim left runs in the queue, as far as is known.
  private(set) var mayHaveMore = false
  /// Whether the worker takes no run until it holds none; then it is given a quarantined one.
  private var isElected = false
  /// Whether the last claim took a quarantined run, so that other runs have their turn next.
  private var hasHadQuarantined = false
  private var isStopped = false
  /// Whether the last claim failed.
  private var isFailing = false
  /// When Redis answered last, or when nothing was asked.
  private var answeredAt: ContinuousClock.Instant

  init(worker: String, lease: Duration, classes: RunClasses, at now: ContinuousClock.Instant) {
    self.worker = worker
    self.classes = classes
    self.lease = lease
    answeredAt = now
  }

  /// The number of the newest claim whose runs are held by now, or whose answer was lost.
  ///
  /// A claim without an answer is sent again under its number. It is safe to return its runs to the queue meanwhile:
  /// the repeated claim takes only runs that are still this worker's.
  var settledClaim: Int { !isClaiming && (isFailing || isStopped) ? number : number - 1 }

  /// How long Redis has not answered claims.
  func silence(at now: ContinuousClock.Instant) -> Duration { now - answeredAt }

  /// Ends the claims. A claim in flight may still take runs.
  mutating func stop() { isStopped = true }

  /// Handles a sign that runs may be queued.
  /// - Parameter isPoll: whether this is the regular poll. While the worker is elected only the poll claims, to renew
  ///   the election, until the worker holds no run.
  /// - Returns: the claim to send now, if any.
  mutating func wake(isPoll: Bool, _ load: Load, at now: ContinuousClock.Instant) -> ClaimRequest? {
    if isClaiming { isWoken = true }
    let isDue = isPoll || !isElected || load.heldRuns == 0
    return isClaiming || isStopped || !isDue ? nil : request(load, at: now)
  }

  /// Handles the answer to a claim.
  /// - Returns: the claim to send now, if any, and whether the claim before had failed.
  mutating func succeed(
    _ claim: Claim, _ load: Load, at now: ContinuousClock.Instant
  ) -> (next: ClaimRequest?, hasRecovered: Bool) {
    let hasRecovered = isFailing
    // The last claim was not allowed to take a quarantined run, so one may still be queued.
    let wasOthersTurn = hasHadQuarantined
    number += 1
    answeredAt = now
    isFailing = false
    isClaiming = false
    isElected = claim.isElected
    hasHadQuarantined = claim.runs.contains { $0.isSuspect } || claim.unread.contains { $0.isSuspect }
    mayHaveMore = claim.hasLeftRuns || isElected || hasHadQuarantined
    let isDue = isElected ? load.heldRuns == 0 : claim.hasLeftRuns || isWoken || wasOthersTurn
    return (isDue && !isStopped ? request(load, at: now) : nil, hasRecovered)
  }

  /// Handles a failed claim. The next wake or poll sends it again.
  /// - Parameter isAnswer: whether Redis answered, if only with an error: then the connection is not stuck.
  /// - Returns: whether the claim before had not failed.
  mutating func fail(isAnswer: Bool, at now: ContinuousClock.Instant) -> Bool {
    defer { isFailing = true }
    if isAnswer { answeredAt = now }
    isClaiming = false
    return !isFailing
  }

  /// The claim to send now; nil when the worker has no room.
  private mutating func request(_ load: Load, at now: ContinuousClock.Instant) -> ClaimRequest? {
    let room = load.hasQuarantined ? 0 : load.freeSlots
    isWoken = false
    mayHaveMore = true
    isClaiming = room > 0
    guard isClaiming else {
      // Nothing is asked, so no answer is missed.
      answeredAt = now
      return nil
    }
    var request = ClaimRequest(
      id: "\(worker)/\(number)", worker: worker, runs: min(room, Self.mostRuns), held: load.heldRuns, lease: lease,
      classes: classes)
    request.hasHadSuspect = hasHadQuarantined
    return request
  }
}
