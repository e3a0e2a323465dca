import WorkflowStore

/// Decides when a worker claims runs, of which partition, and how many; at most one claim is in flight.
///
/// Where the partitions are on several servers, one that is down is not asked, and a claim without an answer for a
/// second no longer keeps the others waiting. So that there is room for them, a claim asks for half of the slots at
/// most.
///
/// The partitions take turns: after each claim the next partition with a sign of queued runs is asked, so a busy one
/// does not keep the worker from the others. While a partition has elected the worker, no other one is asked.
struct ClaimSchedule {
  /// The runs and slots of the worker at the moment.
  struct Load {
    var heldRuns: Int
    var freeSlots: Int
    /// Whether it holds a quarantined run, which must be alone.
    var hasQuarantined = false
  }

  /// A sign that runs may be queued.
  enum Sign {
    /// A wake-up message of a partition.
    case message(partition: Int)
    /// Messages may have been missed.
    case reconnect
    /// A slot is free.
    case freeSlot
    /// The regular poll.
    case poll
  }

  /// A claim to be sent to a partition.
  struct Next {
    let partition: Int
    let request: ClaimRequest
  }

  fileprivate struct Partition {
    /// The classes of runs that the worker has the operations for.
    let classes: RunClasses
    /// The number of the next claim. A failed claim is sent again under its number, because it may have taken runs.
    var number = 1
    /// Whether there was a sign of queued runs since the last claim was sent.
    var isDue = false
    /// Whether that sign was the poll.
    var isPolled = false
    /// Whether the last claim left runs in the queue, as far as is known.
    var mayHaveMore = false
    /// Whether the worker takes no run until it holds none; then it is given a quarantined one.
    var isElected = false
    /// Whether the last claim took a quarantined run, so that other runs have their turn next.
    var hasHadQuarantined = false
    /// Whether the last claim failed.
    var isFailing = false
    /// Runs that a claim asks for whose answer is no longer waited for; 0 when there is none.
    var awaited = 0
  }

  /// The most runs of one claim. A script delays every other client of Redis; this many runs take it some 2 ms.
  private static let mostRuns = 128
  /// How long one of several servers may leave the others waiting.
  private static let patience = Duration.seconds(1)

  private let worker: String
  private let lease: Duration
  private var partitions: [Partition]
  /// Whether a partition is down; nil where all are on one server.
  private let isDown: ((Int) -> Bool)?
  /// The partition that is being asked.
  private var claiming: Int?
  /// Since when it is, and for how many runs.
  private var asked: (at: ContinuousClock.Instant, runs: Int)
  /// The partition that was asked last.
  private var last = 0
  private var isStopped = false
  /// Whether no runs are claimed for the time being.
  private(set) var isPaused = false
  /// When Redis answered last, or when nothing was asked.
  private var answeredAt: ContinuousClock.Instant

  /// - Parameters:
  ///   - classes: of each partition.
  ///   - isDown: whether a partition is down, where they are on several servers.
  init(
    worker: String, lease: Duration, classes: [RunClasses], isDown: ((Int) -> Bool)? = nil,
    at now: ContinuousClock.Instant
  ) {
    self.isDown = isDown
    asked = (now, 0)
    self.worker = worker
    self.lease = lease
    partitions = classes.map { Partition(classes: $0) }
    answeredAt = now
  }

  /// Whether a claim is in flight.
  var isClaiming: Bool { claiming != nil || awaited > 0 }

  /// Runs that claims ask for whose answers are no longer waited for.
  private var awaited: Int { isDown == nil ? 0 : partitions.reduce(0) { $0 + $1.awaited } }

  /// Whether the last claim of some partition left runs in its queue, as far as is known.
  var mayHaveMore: Bool { partitions.contains { $0.mayHaveMore } }

  /// The number of the newest claim of a partition whose runs are held by now, or whose answer was lost.
  ///
  /// A claim without an answer is sent again under its number. It is safe to return its runs to the queue meanwhile:
  /// the repeated claim takes only runs that are still this worker's.
  func settledClaim(of number: Int) -> Int {
    let partition = partitions[number]
    let isAsked = claiming == number || partition.awaited > 0
    return !isAsked && (partition.isFailing || isStopped) ? partition.number : partition.number - 1
  }

  /// How long Redis has not answered claims.
  func silence(at now: ContinuousClock.Instant) -> Duration { now - answeredAt }

  /// Ends the claims. A claim in flight may still take runs.
  mutating func stop() { isStopped = true }

  /// Pauses the claims, or continues them. A claim in flight may still take runs.
  /// - Returns: whether that is a change.
  mutating func setPaused(_ isPaused: Bool) -> Bool {
    defer { self.isPaused = isPaused }
    return self.isPaused != isPaused
  }

  /// Handles a sign that runs may be queued.
  /// - Returns: the claim to send now, if any.
  mutating func wake(_ sign: Sign, _ load: @autoclosure () -> Load, at now: ContinuousClock.Instant) -> Next? {
    switch sign {
    case .message(let number): partitions[number].isDue = true
    case .reconnect: for number in partitions.indices { partitions[number].isDue = true }
    case .freeSlot:
      for number in partitions.indices where partitions[number].mayHaveMore { partitions[number].isDue = true }
    case .poll:
      setAside(at: now)
      for number in partitions.indices {
        partitions[number].isDue = true
        partitions[number].isPolled = claiming != number
      }
    }
    return claiming != nil || isStopped ? nil : next(load(), at: now)
  }

  /// Lets the other partitions be asked while a claim has no answer.
  private mutating func setAside(at now: ContinuousClock.Instant) {
    guard let isDown, let number = claiming, now - asked.at >= Self.patience || isDown(number) else { return }
    partitions[number].awaited = asked.runs
    claiming = nil
  }

  /// Handles that a claim has come to its end.
  /// - Parameter number: of the partition; nil for the one that is being asked.
  /// - Returns: the number; nil where there is no such claim.
  private mutating func settle(_ number: Int?) -> Int? {
    if let number, partitions[number].awaited > 0 {
      partitions[number].awaited = 0
      return number
    }
    guard let number = number ?? claiming, number == claiming else { return nil }
    claiming = nil
    return number
  }

  /// Handles the answer to a claim.
  /// - Parameter number: of the partition; nil for the one that is being asked.
  /// - Returns: the claim to send now, if any, and whether claims have failed and do no longer.
  mutating func succeed(
    _ claim: Claim, of number: Int? = nil, _ load: Load, at now: ContinuousClock.Instant
  ) -> (next: Next?, hasRecovered: Bool) {
    guard let number = settle(number) else { return (nil, false) }
    answeredAt = now
    let hasRecovered = partitions[number].succeed(claim, load) && !partitions.contains { $0.isFailing }
    return (next(load, at: now), hasRecovered)
  }

  /// Handles the failure of a claim. The next sign or poll sends it again.
  /// - Parameters:
  ///   - number: of the partition; nil for the one that is being asked.
  ///   - isAnswer: whether Redis answered, if only with an error: then the connection is not stuck.
  /// - Returns: the claim of another partition to send now, if any, and whether no claim has failed before.
  mutating func fail(
    of number: Int? = nil, isAnswer: Bool, _ load: Load, at now: ContinuousClock.Instant
  ) -> (next: Next?, isFirst: Bool) {
    guard let number = settle(number) else { return (nil, false) }
    let isFirst = !partitions.contains { $0.isFailing }
    if isAnswer { answeredAt = now }
    partitions[number].isFailing = true
    partitions[number].isDue = false
    return (next(load, at: now), isFirst)
  }

  /// The claim of the next partition that is due.
  private mutating func next(_ load: Load, at now: ContinuousClock.Instant) -> Next? {
    guard claiming == nil, !isStopped else { return nil }
    if isPaused {
      answeredAt = now
      return nil
    }
    let elector = partitions.indices.first {
      partitions[$0].isElected && !partitions[$0].isFailing && isReachable($0)
    }
    for step in 1...partitions.count {
      let number = (last + step) % partitions.count
      guard partitions[number].isToBeAsked(load), elector == nil || elector == number, isReachable(number) else {
        continue
      }
      if let request = request(number, load) {
        (claiming, last, asked) = (number, number, (now, request.runs))
        return Next(partition: number, request: request)
      }
      // Nothing is asked, so no answer is missed.
      answeredAt = now
    }
    return nil
  }

  /// Whether a partition can be asked.
  private func isReachable(_ number: Int) -> Bool { partitions[number].awaited == 0 && isDown?(number) != true }

  /// The claim to send now; nil when the worker has no room.
  private mutating func request(_ number: Int, _ load: Load) -> ClaimRequest? {
    partitions[number].isDue = false
    partitions[number].isPolled = false
    partitions[number].mayHaveMore = true
    let awaited = awaited
    let free = load.hasQuarantined ? 0 : load.freeSlots - awaited
    guard free > 0 else { return nil }
    let room = isDown == nil ? free : min(free, (free + load.heldRuns + 1) / 2)
    let partition = partitions[number]
    // What is awaited may come at any time: a quarantined run would not be alone.
    var request = ClaimRequest(
      id: "\(worker)/\(partition.number)", worker: worker, runs: min(room, Self.mostRuns),
      held: load.heldRuns + awaited, lease: lease, classes: partition.classes)
    request.hasHadSuspect = partition.hasHadQuarantined
    return request
  }
}

extension ClaimSchedule.Partition {
  /// Whether a claim is to be sent. While the worker is elected only the poll claims, to renew the election, until the
  /// worker holds no run.
  fileprivate func isToBeAsked(_ load: ClaimSchedule.Load) -> Bool {
    isDue && (isPolled || !isElected || load.heldRuns == 0)
  }

  /// Handles the answer to a claim.
  /// - Returns: whether the claim before had failed.
  fileprivate mutating func succeed(_ claim: Claim, _ load: ClaimSchedule.Load) -> Bool {
    defer { isFailing = false }
    // The last claim was not allowed to take a quarantined run, so one may still be queued.
    let wasOthersTurn = hasHadQuarantined
    number += 1
    isElected = claim.isElected
    hasHadQuarantined = claim.runs.contains { $0.isSuspect } || claim.unread.contains { $0.isSuspect }
    mayHaveMore = claim.hasLeftRuns || isElected || hasHadQuarantined
    isDue = isElected ? load.heldRuns == 0 : claim.hasLeftRuns || isDue || wasOthersTurn
    return isFailing
  }
}
