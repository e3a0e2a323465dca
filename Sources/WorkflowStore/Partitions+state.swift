/// A partition that does not answer.
public struct PartitionOutage: Sendable, Equatable {
  /// The number of the partition.
  public let number: Int
  /// One word that says nothing of addresses: `unreachable`, or the code of what Redis answers, such as `CLUSTERDOWN`.
  public let cause: String
  /// What happens, for logs.
  public let reason: String

  init(_ number: Int, _ error: StoreError) {
    self.number = number
    reason = "\(error)"
    cause =
      switch error {
      case .unavailable, .down: "unreachable"
      case .refused(let cause, _, _): cause
      case .damaged: "damaged"
      }
  }
}

/// The state of the whole, as far as the partitions answer.
public struct OverallState: Sendable {
  /// Sums, and of what is no sum the worst.
  public var health: StoreHealth
  /// How many steps of the last hour have the placeholder's words because the model failed.
  public var fallbacks: Int
  /// Callbacks that are not delivered.
  public var callbacks: CallbackCounts
  /// The inbox.
  public var inbox: InboxState
  /// The partitions that do not answer. None where all are on one server: that is an error then.
  public var down: [PartitionOutage] = []

  fileprivate func joined(with other: OverallState) -> OverallState {
    OverallState(
      health: health.joined(with: other.health), fallbacks: fallbacks + other.fallbacks,
      callbacks: callbacks.joined(with: other.callbacks), inbox: inbox.joined(with: other.inbox))
  }
}

extension Partitions {
  /// How long one of several servers may take to answer with its state.
  private static let patience = Duration.seconds(2)

  /// Reads the state of the whole.
  /// - Throws: where no partition answers, and where all are on one server and it does not.
  public func state() async throws(StoreError) -> OverallState {
    guard isSpread else {
      return OverallState(
        health: try await health(), fallbacks: try await fallbacksOfLastHour(),
        callbacks: try await callbackCounts(), inbox: try await inboxState())
    }
    async let list = sharedInbox()
    let answers = await answers(within: Self.patience) { _, store throws(StoreError) in
      OverallState(
        health: try await store.health(), fallbacks: try await store.fallbacksOfLastHour(),
        callbacks: try await store.callbackCounts(), inbox: try await store.inboxState())
    }
    let inbox = await list
    let found = answers.compactMap { try? $0.get() }
    let failures = answers.enumerated().compactMap { number, answer in
      if case .failure(let error) = answer { (number, error) } else { nil }
    }
    guard let first = found.first else { throw Self.joined(failures.map(\.1)) ?? .damaged("no partition") }
    var state = found.dropFirst().reduce(first) { $0.joined(with: $1) }
    state.inbox = state.inbox.joined(with: inbox)
    state.down = failures.map { PartitionOutage($0.0, $0.1) }
    return state
  }

  /// Reads the state of the whole, as far as partitions answer, and which do not.
  /// - Throws: as ``state()``.
  public func knownHealth() async throws(StoreError) -> (health: StoreHealth, down: [Int]) {
    guard isSpread else { return (try await health(), []) }
    let answers = await answers { _, store throws(StoreError) in try await store.health() }
    let found = answers.compactMap { try? $0.get() }
    let failures = answers.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    guard let first = found.first else { throw Self.joined(failures) ?? .damaged("no partition") }
    let down = answers.indices.filter { if case .failure = answers[$0] { true } else { false } }
    return (found.dropFirst().reduce(first) { $0.joined(with: $1) }, down)
  }

  /// The state of the public list; that it cannot be read is a fault of the inbox alone.
  private func sharedInbox() async -> InboxState {
    do throws(StoreError) { return try await sharedInboxState() } catch {
      return InboxState(fault: "the inbox cannot be read: the server that holds \(keys.inbox) does not answer")
    }
  }
}
