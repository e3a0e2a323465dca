import ExactJSON
import Workflow
import WorkflowLLM

/// An answer that is not of the form that a step asks for.
///
/// It is recorded before the model is asked again, so an attempt after a crash, or after a second call that has failed,
/// does not pay for it again.
struct UnfitAnswer {
  /// The answer's text.
  let text: String
  /// The tokens of its call.
  let usage: JSONValue
  /// What is wrong with it: a sentence for the model and for people.
  let why: String

  /// The part of the step as which it is recorded.
  private static let part = 0
  private static let parts = 2

  /// An answer that was just given.
  init(_ answer: ChatAnswer, _ why: String) {
    (text, usage, self.why) = (answer.text, answer.usage, why)
  }

  /// The recorded answer to a question; nil where there is none.
  /// - Parameter question: names what was asked.
  init?(to question: String, recordedBy invocation: Invocation) {
    guard let part = invocation.parts.known[Self.part], part["of"] == .string(question),
      let text = part["text"]?.stringValue, let why = part["why"]?.stringValue
    else { return nil }
    (self.text, usage, self.why) = (text, part["usage"] ?? .null, why)
  }

  /// Records the answer. A run that has no room for it continues without: only another attempt would need it.
  func record(as question: String, by invocation: Invocation) async throws(StepError) {
    try await Self.record(
      ["text": .string(text), "usage": usage, "why": .string(why), "of": .string(question)], by: invocation)
  }

  /// Has another attempt begin with the question again, after two answers that cannot be used.
  static func forget(by invocation: Invocation) async throws(StepError) { try await record([:], by: invocation) }

  private static func record(_ outputs: JSONObject, by invocation: Invocation) async throws(StepError) {
    do { try await invocation.parts.record(part, of: parts, outputs) } catch {
      if error == .cancelled { throw error }
    }
  }
}
