import Hiredis

/// Questions to all partitions. Where they are on several servers, all are asked at the same time; one that is known to
/// be down is not waited for, and one that has left a call without an answer is waited for a second at most.
extension Partitions {
  /// How long a server is waited for that has left a call without an answer.
  private static let shortPatience = Duration.seconds(1)

  /// What each partition answers, in their order.
  /// - Parameters:
  ///   - limit: how long each may take; as long as the stores allow unless given.
  ///   - waits: whether one that is down is waited for all the same, as at the start, when none is connected yet.
  ///   - ask: is given the number of the partition and its store.
  public func answers<Answer: Sendable>(
    within limit: Duration? = nil, waits: Bool = false,
    _ ask: @escaping @Sendable (Int, RunStore) async throws(StoreError) -> Answer
  ) async -> [Result<Answer, StoreError>] {
    let stores = limit.map { limit in all.map { $0.hurried(to: limit) } } ?? all
    if count == 1 { return [await answer(0, stores[0], waits, ask)] }
    return await withTaskGroup(of: (number: Int, answer: Result<Answer, StoreError>).self) { group in
      for (number, store) in stores.enumerated() {
        group.addTask { (number, await answer(number, store, waits, ask)) }
      }
      var answers: [Result<Answer, StoreError>?] = stores.map { _ in nil }
      for await (number, answer) in group { answers[number] = answer }
      return answers.compactMap(\.self)
    }
  }

  private func answer<Answer: Sendable>(
    _ number: Int, _ store: RunStore, _ waits: Bool,
    _ ask: @Sendable (Int, RunStore) async throws(StoreError) -> Answer
  ) async -> Result<Answer, StoreError> {
    if isSpread, !waits, let reason = store.outage {
      return .failure(.down(partitions: [number], reason: reason, outcomeUnknown: false))
    }
    let isSilent = store.silence.questions.isNoted || store.silence.submissions.isNoted
    let isHurried = isSpread && !waits && isSilent
    let outcome: Result<Answer, StoreError>
    do throws(StoreError) {
      outcome = .success(try await ask(number, isHurried ? store.hurried(to: Self.shortPatience) : store))
    } catch {
      outcome = .failure(error)
    }
    if isSpread { store.silence.questions.note(outcome.map { _ in () }) }
    return outcome
  }

  /// What all partitions answer, in their order.
  /// - Parameter ask: is given the number of the partition and its store.
  /// - Throws: where one does not answer. Where they are on several servers, the error names all that do not.
  func gather<Answer: Sendable>(
    _ ask: @escaping @Sendable (Int, RunStore) async throws(StoreError) -> Answer
  ) async throws(StoreError) -> [Answer] {
    var found: [Answer] = []
    // One after another: one server would do the work of all of them at once.
    guard isSpread else {
      for (number, store) in all.enumerated() { found.append(try await ask(number, store)) }
      return found
    }
    var failures: [StoreError] = []
    for answer in await answers(ask) {
      switch answer {
      case .success(let answer): found.append(answer)
      case .failure(let error): failures.append(error)
      }
    }
    if let failure = Self.joined(failures) { throw failure }
    return found
  }

  /// The error of several partitions; nil where there is none. What one has answered comes before a silence.
  public static func joined(_ failures: [StoreError]) -> StoreError? {
    if let answer = failures.first(where: \.isAnswer) { return answer }
    var (down, reasons, isUnknown): ([Int], [String], Bool) = ([], [], false)
    for case .down(let partitions, let reason, let outcomeUnknown) in failures {
      down += partitions
      if !reasons.contains(reason) { reasons.append(reason) }
      isUnknown = isUnknown || outcomeUnknown
    }
    if down.isEmpty { return failures.first }
    return .down(partitions: down, reason: reasons.joined(separator: "; "), outcomeUnknown: isUnknown)
  }

  /// Partitions by their numbers, as a sentence names them.
  public static func named(_ numbers: [Int]) -> String {
    guard let last = numbers.last else { return "no partition" }
    if numbers.count == 1 { return "partition \(last)" }
    return "partitions \(numbers.dropLast().map(String.init).joined(separator: ", ")) and \(last)"
  }

  /// The numbers of the partitions whose server cannot be reached, as far as that is known.
  public var down: [Int] { isSpread ? all.indices.filter { all[$0].outage != nil } : [] }

  /// Where the live workers and what they can do are looked for: the first partition that is not down.
  public var home: RunStore {
    guard isSpread else { return all[0] }
    // One that does not answer, and does not count as down yet, must not hold up what is known of the others.
    return (all.first { $0.outage == nil } ?? all[0]).hurried(to: .seconds(2))
  }

  /// This id, or one that follows from it and is in a partition that is not down: the same for all callers.
  /// - Parameter isShunned: whether a partition is to be treated as one that is down.
  func reachable(_ id: JobID, unless isShunned: (Int) -> Bool = { _ in false }) -> JobID {
    let own = number(of: id)
    guard all[own].outage != nil || isShunned(own) else { return id }
    let isUp = all.indices.map { all[$0].outage == nil && !isShunned($0) }
    guard isUp.contains(true) else { return id }
    var id = id
    while !isUp[number(of: id)] { id = id.successor }
    return id
  }
}

extension RunStore {
  /// Why its server cannot be reached; nil while it can, and before the first attempt has failed.
  public var outage: String? { connection.isConnected ? nil : connection.failure?.reason }

  /// Whether its server cannot be reached, where that concerns this partition and not all of them.
  public var isDown: Bool { partition != nil && outage != nil }

  /// The same store with less patience.
  func hurried(to limit: Duration) -> RunStore {
    RunStore(
      connection, writes: writes, keys: keys, limits: limits, timeout: min(limit, timeout), clock: clock,
      partition: partition, silence: silence)
  }

  /// The error of a command or a script of this partition.
  func failure(_ error: RedisError) -> StoreError {
    let error = StoreError(error)
    guard let partition, case .unavailable(let reason, let outcomeUnknown) = error else { return error }
    return .down(partitions: [partition], reason: reason, outcomeUnknown: outcomeUnknown)
  }
}
