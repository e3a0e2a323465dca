import Synchronization

/// The forms that the models have accepted so far, by the models' names.
final class RequestForms: Sendable {
  /// The most models that are remembered, since callers may name any: beyond it all are forgotten.
  private static let mostModels = 256

  private let first: RequestForm
  private let known = Mutex<[String: RequestForm]>([:])

  /// - Parameter first: the form for an unknown model.
  init(first: RequestForm) { self.first = first }

  /// The form for a model.
  subscript(model: String) -> RequestForm { known.withLock { $0[model] ?? first } }

  /// Remembers a form that the model has accepted.
  /// - Returns: whether it is a new one.
  func remember(
    _ form: RequestForm, instead old: RequestForm, of model: String,
    after outcome: Result<ChatAnswer, CompletionReader.Refusal>
  ) -> Bool {
    if case .failure(let refusal) = outcome, refusal.mayNameParameter { return false }
    return known.withLock { known in
      guard known[model] != form else { return false }
      if known.count >= Self.mostModels, known[model] == nil { known = [:] }
      known[model] = form
      return true
    }
  }
}
