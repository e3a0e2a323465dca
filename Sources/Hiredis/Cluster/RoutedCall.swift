import LinuxSupport

/// A command, or several in one frame, on its way through a cluster. Each attempt has its own object.
final class RoutedCall: Sendable {
  /// How often a command follows redirects at once. Nodes that disagree may send it to and fro.
  private static let mostRedirects = 5

  /// The bytes, the deadline and the receiver.
  private let message: CommandTraffic.Message
  private let links: ClusterLinks
  private let isScript: Bool
  private let attempt: Attempt

  private struct Attempt: Sendable {
    var slot: Int?
    /// The node that a redirect has named.
    var target: RedisAddress.Host?
    /// Whether the node imports the slot: ASKING before the command says that it was redirected there.
    var isAsking = false
    /// The link that the command was passed to.
    var link: NodeLink?
    /// How many redirects were followed since the last wait.
    var redirects = 0
    /// How many times it has waited.
    var waits = 0
    /// Why it waits.
    var reason: LinkFailure?
    /// Whether an earlier attempt may have been executed.
    var mayBeExecuted = false
  }

  /// A command that was not sent yet.
  /// - Parameters:
  ///   - slot: nil for a command without a key.
  ///   - isScript: whether it runs a script.
  convenience init(_ message: CommandTraffic.Message, slot: Int?, isScript: Bool, over links: ClusterLinks) {
    self.init(message, isScript, links, Attempt(slot: slot))
  }

  private init(_ message: CommandTraffic.Message, _ isScript: Bool, _ links: ClusterLinks, _ attempt: Attempt) {
    self.message = message
    self.links = links
    self.isScript = isScript
    self.attempt = attempt
  }

  /// The slot of its keys; nil for a command without a key.
  var slot: Int? { attempt.slot }

  /// The node that it is for; nil for the one that serves the slot.
  var target: RedisAddress.Host? { attempt.target }

  /// The time at which it fails.
  var deadline: MonotonicInstant { message.deadline }

  /// How long it waits: the longer the more often it has waited, up to a tenth of a second.
  var pause: Duration { .milliseconds([20, 40, 80].dropFirst(attempt.waits - 1).first ?? 100) }

  private func next(_ change: (inout Attempt) -> Void) -> RoutedCall {
    var attempt = attempt
    change(&attempt)
    return RoutedCall(message, isScript, links, attempt)
  }

  /// The same command, which waits before it is sent again.
  func waiting(because reason: LinkFailure) -> RoutedCall {
    next { attempt in
      attempt.reason = reason
      attempt.waits += 1
      attempt.redirects = 0
      attempt.target = nil
      attempt.isAsking = false
      attempt.link = nil
    }
  }

  /// Sends it.
  func send() { links.send(self) }

  /// What the link gets; the reply comes back to ``receive(_:)``.
  func message(over link: NodeLink) -> CommandTraffic.Message {
    let call = next { $0.link = link }
    if !attempt.isAsking { return message.with(waiter: .routed(call)) }
    let asking: RedisArguments = ["ASKING"]
    return .init(
      frame: asking.frame + message.frame, commands: 2, deadline: message.deadline, timeout: message.timeout,
      waiter: .routed(call))
  }

  /// Handles the outcome of the attempt: passes it on, or sends the command to where it belongs.
  func receive(_ answer: Waiter.Outcome) {
    guard let link = attempt.link else { preconditionFailure("a reply comes over a link") }
    let outcome = attempt.isAsking ? Self.withoutAsking(answer) : answer
    if case .failure(.unavailable(_, let mayBeExecuted)) = outcome, link.isRetired, message.deadline > .now {
      return next { attempt in
        attempt.target = nil
        attempt.isAsking = false
        attempt.mayBeExecuted = attempt.mayBeExecuted || mayBeExecuted
      }.send()
    }
    guard let redirection = Redirection(outcome, from: link.node, isScript: isScript, commands: message.commands)
    else { return end(outcome) }
    let hasBegun = Redirection.hasBegun(outcome, isScript: isScript, commands: message.commands)
    next { $0.mayBeExecuted = $0.mayBeExecuted || hasBegun }.obey(redirection)
  }

  private func obey(_ redirection: Redirection) {
    switch redirection {
    case .later(let failure):
      links.topology.doubt()
      hold(because: failure)
    case .moved(let slot, let node):
      links.topology.note(slot: slot, at: node)
      follow(to: node, slot: slot, isAsking: false)
    case .ask(let node): follow(to: node, slot: slot, isAsking: true)
    }
  }

  private func follow(to node: RedisAddress.Host, slot: Int?, isAsking: Bool) {
    if attempt.redirects == Self.mostRedirects {
      return hold(because: LinkFailure("the nodes of the Redis Cluster disagree on who serves a slot"))
    }
    next { attempt in
      attempt.slot = slot
      attempt.target = node
      attempt.isAsking = isAsking
      attempt.redirects += 1
    }.send()
  }

  private func hold(because reason: LinkFailure) { ClusterParking.shared.hold(waiting(because: reason)) }

  /// Fails, since the time is over.
  func expire() {
    end(.unavailable(reason: attempt.reason?.description ?? "no reply in time", outcomeUnknown: false))
  }

  /// Fails.
  func end(_ error: RedisError) { end(.failure(error)) }

  private func end(_ outcome: Waiter.Outcome) {
    if attempt.mayBeExecuted, case .failure(.unavailable(let reason, outcomeUnknown: false)) = outcome {
      return message.waiter.resume(.failure(.unavailable(reason: reason, outcomeUnknown: true)))
    }
    message.waiter.resume(outcome)
  }

  /// The reply to the command behind ASKING.
  private static func withoutAsking(_ answer: Waiter.Outcome) -> Waiter.Outcome {
    guard case .success(.array(let replies)) = answer, let reply = replies.last else { return answer }
    if case .error(let error) = reply { return .failure(.reply(error)) }
    return .success(reply)
  }
}
