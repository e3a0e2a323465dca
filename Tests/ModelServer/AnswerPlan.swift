import Synchronization

/// What the calls get, as a test told the server.
final class AnswerPlan: Sendable {
  private let state = Mutex((standing: ModelServer.Behaviour.echo, script: ArraySlice<ModelServer.Behaviour>()))

  var standing: ModelServer.Behaviour {
    get { state.withLock { $0.standing } }
    set { state.withLock { $0.standing = newValue } }
  }

  func script(_ behaviours: [ModelServer.Behaviour]) {
    state.withLock { $0.script = behaviours[...] }
  }

  /// What the next call gets.
  func next() -> ModelServer.Behaviour {
    state.withLock { $0.script.popFirst() ?? $0.standing }
  }
}
