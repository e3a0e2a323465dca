import Hiredis
import LinuxSupport

extension RunStore {
  /// Asks whether a call of a model may begin. Safe to send twice.
  /// - Parameter lease: how long it counts as under way without being renewed.
  public func admit(_ call: ModelCall, lease: Duration) async throws(StoreError) -> ModelAdmission {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(call.id)
    arguments.append(lease.milliseconds)
    arguments.append(call.callLimit ?? 0)
    arguments.append(call.requestRate ?? 0)
    arguments.append(call.tokenRate ?? 0)
    arguments.append(call.tokens)
    let reply = try await evaluate(Scripts.modelcall, modelKeys(call.model), arguments)
    guard let parts = reply.array, parts.count == 2, let wait = parts[0].int else {
      throw RunStore.damaged(Scripts.modelcall, reply)
    }
    if wait == 0 { return .admitted }
    guard let reason = parts[1].string.flatMap(ModelAdmission.Reason.init) else {
      throw RunStore.damaged(Scripts.modelcall, reply)
    }
    return .wait(.milliseconds(wait), reason)
  }

  /// Records how a call of a model has ended. Safe to send twice.
  /// - Returns: how long the model is left alone from now on.
  @discardableResult
  public func record(
    _ end: ModelCallEnd, of call: ModelCall, _ policy: CooldownPolicy = CooldownPolicy()
  ) async throws(StoreError) -> Duration {
    let (word, used, wait): (String, Int?, Duration?) =
      switch end {
      case .answered(let tokens): ("answered", tokens, nil)
      case .refused: ("refused", nil, nil)
      case .limited(let wait): ("limited", nil, wait)
      case .broken(let wait): ("broken", nil, wait)
      case .none: ("none", nil, nil)
      }
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(call.id)
    arguments.append(call.tokenRate ?? 0)
    arguments.append(call.tokens)
    arguments.append(used.map { "\($0)" } ?? "")
    arguments.append(word)
    arguments.append(wait.map { "\($0.milliseconds)" } ?? "")
    arguments.append(policy.failures)
    arguments.append(policy.first.milliseconds)
    arguments.append(policy.longest.milliseconds)
    let reply = try await evaluate(Scripts.modelend, modelKeys(call.model), arguments)
    guard let left = reply.int else { throw RunStore.damaged(Scripts.modelend, reply) }
    return .milliseconds(left)
  }

  /// Says that calls of a model are still under way. Safe to send twice.
  public func renewCalls(_ ids: [String], of model: String, lease: Duration) async throws(StoreError) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(lease.milliseconds)
    for id in ids { arguments.append(id) }
    let reply = try await evaluate(Scripts.modelrenew, [keys.modelCalls(model)], arguments)
    guard reply.int != nil else { throw RunStore.damaged(Scripts.modelrenew, reply) }
  }

  private func modelKeys(_ name: String) -> [String] {
    [keys.model(name), keys.modelCalls(name), keys.modelTurns(name)]
  }
}
