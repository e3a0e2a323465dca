import Hiredis
import LinuxSupport
public import Workflow

/// The calls of models of all workers. They are counted in the first partition, whichever the run's is.
extension RunStore {
  /// How long a call counts as under way after the time that it may take.
  private static let leaseMargin = Duration.seconds(30)

  /// Asks whether a call of a model may begin, and reserves the most that it may cost. Safe to send twice.
  public func admit(_ call: ModelCall) async throws(StoreError) -> ModelAdmission {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(call.id)
    arguments.append(call.nonce)
    arguments.append((call.timeout + Self.leaseMargin).milliseconds)
    arguments.append(call.callLimit ?? 0)
    arguments.append(call.requestRate ?? 0)
    arguments.append(call.tokenRate ?? 0)
    arguments.append(call.tokens)
    for amount in [call.greatestCost, call.runBudget, call.dayBudget] { arguments.append(amount.scriptText) }
    arguments.append(call.owner ?? "-")
    arguments.append(call.model)
    arguments.append(2 * limits.retain)
    arguments.append(call.step)
    let reply = try await evaluate(Scripts.modelcall, modelKeys(call), arguments)
    guard let parts = reply.array, parts.count >= 2, let wait = parts[0].int, let why = parts[1].string else {
      throw Self.damaged(Scripts.modelcall, reply)
    }
    if wait == 0 { return .admitted }
    if wait > 0, let reason = ModelAdmission.Reason(rawValue: why) {
      let failure = parts.count > 2 ? parts[2].string : nil
      return .wait(.milliseconds(wait), reason, why: failure?.isEmpty == true ? nil : failure)
    }
    if wait < 0, let budget = ModelAdmission.Budget(rawValue: why), parts.count > 2,
      let left = parts[2].string.flatMap({ Int($0) })
    {
      return .overspent(budget, left: Cost(billionths: left))
    }
    throw Self.damaged(Scripts.modelcall, reply)
  }

  /// Records how a call of a model has ended. Safe to send twice.
  /// - Returns: how long the model is left alone from now on, and the first calls that wait for the place of this one.
  @discardableResult
  public func record(
    _ end: ModelCallEnd, of call: ModelCall, _ policy: CooldownPolicy = CooldownPolicy()
  ) async throws(StoreError) -> (leftAlone: Duration, next: [WaitingCall]) {
    let tokens = end.usage.input + end.usage.output
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(call.id)
    arguments.append(call.nonce)
    arguments.append(call.tokenRate ?? 0)
    arguments.append(call.tokens)
    arguments.append(tokens > 0 ? "\(tokens)" : "")
    arguments.append(end.outcome.rawValue)
    arguments.append(policy.failures)
    arguments.append(policy.first.milliseconds)
    arguments.append(policy.longest.milliseconds)
    arguments.append(end.took.milliseconds)
    arguments.append(end.usage.cost.scriptText)
    arguments.append(call.owner ?? "-")
    arguments.append(call.model)
    arguments.append(call.step)
    arguments.append(2 * limits.retain)
    arguments.append(end.usage.isEstimate ? 1 : 0)
    arguments.append(call.callLimit ?? 0)
    arguments.append(end.failure ?? "")
    for (name, count) in end.usage.counts {
      arguments.append(name)
      arguments.append(count)
    }
    arguments.append("failed")
    arguments.append(end.outcome == .answered ? 0 : 1)
    let reply = try await evaluate(Scripts.modelend, modelKeys(call), arguments)
    guard let parts = reply.array, let left = parts.first?.int else { throw Self.damaged(Scripts.modelend, reply) }
    return (.milliseconds(left), parts.dropFirst().compactMap { $0.string.flatMap(WaitingCall.init) })
  }

  /// Keeps the free place of a model for a moment for the calls that wait: one of them is about to come. Safe to send
  /// twice.
  public func keepPlace(of model: String, for time: Duration = .seconds(1)) async throws(StoreError) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(time.milliseconds)
    _ = try await evaluate(Scripts.keepplace, [keys.model(model)], arguments)
  }

  /// Forgets the turn of a call whose run does not wait any more.
  public func forgetTurn(_ call: WaitingCall, of model: String) async throws(StoreError) {
    _ = try await send(["ZREM", keys.modelTurns(model), call.id])
  }

  /// The most bytes of an answer that is kept.
  private static let longestKeptAnswer = 1 << 20

  /// The answer of a model that is kept under a digest; nil where there is none.
  public func keptAnswer(_ digest: String) async throws(StoreError) -> [UInt8]? {
    try await send(["GET", keys.modelCache(digest)]).bytesValue
  }

  /// Keeps an answer of a model for some seconds, unless it is large.
  public func keep(_ answer: [UInt8], _ digest: String, seconds: Int) async throws(StoreError) {
    guard answer.count <= Self.longestKeptAnswer else { return }
    var command: RedisArguments = ["SET", keys.modelCache(digest)]
    command.append(answer)
    command.append("EX")
    command.append(seconds)
    _ = try await send(command)
  }

  private func modelKeys(_ call: ModelCall) -> [String] {
    [
      keys.model(call.model), keys.modelCalls(call.model), keys.modelTurns(call.model), keys.spent(by: call.run),
      keys.reserved(by: call.owner),
    ]
  }
}

/// A call that waits for its turn.
public struct WaitingCall: Sendable, Equatable {
  /// Its id, as ``Workflow/ModelCall/id``.
  public let id: String
  /// The run that it is of.
  public let run: JobID

  /// Reads an id, which begins with that of the run; nil for any other text.
  init?(_ id: String) {
    guard let run = JobID(String(id.prefix { $0 != "/" })) else { return nil }
    (self.id, self.run) = (id, run)
  }
}

extension Cost? {
  /// As scripts take an amount.
  fileprivate var scriptText: String { map { "\($0.billionths)" } ?? "" }
}

extension ModelUsage {
  /// What the end of a call adds to what it is summed up with, under the names that it has in Redis. The call itself is
  /// counted when it begins.
  fileprivate var counts: [(name: String, count: Int)] {
    [("input", input), ("cached", cachedInput), ("output", output), ("reasoning", reasoning)]
  }
}
