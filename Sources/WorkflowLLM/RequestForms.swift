import Synchronization

/// What this process has learnt of the forms that models take, by the models' names.
final class RequestForms: Sendable {
  /// Any caller may name a model; beyond so many names all are learnt again.
  private static let mostModels = 256

  private let first: RequestForm
  private let known = Mutex<[String: RequestForm]>([:])

  /// - Parameter first: the form for a model of which nothing is known.
  init(first: RequestForm) { self.first = first }

  /// The form for a model.
  subscript(model: String) -> RequestForm { known.withLock { $0[model] ?? first } }

  /// Keeps a form that the model has not refused.
  /// - Returns: whether it is news.
  func remember(
    _ form: RequestForm, instead old: RequestForm, of model: String,
    after outcome: Result<ChatAnswer, CompletionReader.Refusal>
  ) -> Bool {
    if case .failure(let refusal) = outcome, refusal.mayNameParameter { return false }
    return known.withLock { known in
      guard known[model] != form else { return false }
      if known.count >= RequestForms.mostModels, known[model] == nil { known = [:] }
      known[model] = form
      return true
    }
  }
}
