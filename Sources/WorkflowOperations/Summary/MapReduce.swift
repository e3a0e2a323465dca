import ExactJSON
import Workflow
import WorkflowLLM

/// Summarises a text that is longer than a model's context: its parts (map), until the summaries together are short
/// enough to be summarised as one (reduce).
///
/// Each part's summary is recorded before anything depends on it. One that is recorded is not asked for again, whether
/// the step is attempted again in this worker or in another one.
struct MapReduce: Sendable {
  /// A text that is short enough, and what it took.
  struct Outcome {
    /// The summaries of the last round.
    var text: String
    /// The tokens of all calls.
    var usage = JSONValue.null
    /// How many parts were summarised, in all rounds.
    var parts = 0
  }

  private struct Part: Sendable {
    let summary: String
    let usage: JSONValue
  }

  /// Calls that are under way at the same time.
  private static let mostCalls = 4
  /// Parts of a text at most.
  static let mostParts = 1_000

  let calls: ModelStep
  let invocation: Invocation
  let request: SummaryRequest
  /// Tokens of text that a call may have.
  let room: Int

  /// What the prompt says of the text of the last call.
  static let finalNote =
    "The user's text consists of the summaries of the parts of a longer text, in their order. Treat them as one text."

  /// Summarises a text in rounds until what is left is short enough.
  func outcome(of text: String) async throws(StepError) -> Outcome {
    var outcome = Outcome(text: text)
    var last = Int.max
    while TokenEstimate(outcome.text).tokens > room {
      let chunks = split(outcome.text)
      guard chunks.count <= Self.mostParts else {
        throw .failed(
          StepFailure(
            .operationFailed,
            "the text has more than \(Self.mostParts) parts of \(room) tokens; raise chunk_tokens, or shorten it first")
        )
      }
      guard chunks.count < last else {
        throw .failed(
          StepFailure(
            .operationFailed,
            "the summaries of \(last) parts are together no shorter; lower max_tokens, or raise chunk_tokens"))
      }
      let parts = try await summaries(of: chunks, from: outcome.parts)
      last = chunks.count
      outcome.parts += chunks.count
      outcome.usage = parts.reduce(outcome.usage) { $0.adding($1.usage) }
      outcome.text = parts.map(\.summary).joined(separator: "\n\n")
    }
    return outcome
  }

  private func split(_ text: String) -> [String] {
    var chunks: [String] = []
    let limit = room * TokenEstimate(text).bytesPerToken
    _ = TextSplitter(limit: max(4, limit), overlap: 0, unit: .bytes).split(text) { chunk in
      chunks.append(chunk)
      return chunks.count <= Self.mostParts
    }
    return chunks
  }

  /// The summaries of the parts of a round. When one fails no other call starts; those under way end, and are recorded.
  /// - Parameter first: the number of the first part.
  private func summaries(of chunks: [String], from first: Int) async throws(StepError) -> [Part] {
    let pieces = chunks.enumerated().map { Piece(first + $0, $0, of: chunks.count, $1, request) }
    var parts = pieces.map { known($0) }
    var missing = pieces.indices.filter { parts[$0] == nil }[...]
    let total = first + chunks.count
    var failure: StepError?
    await withTaskGroup(of: (index: Int, part: Result<Part, StepError>).self) { group in
      func start() {
        guard let index = missing.popFirst() else { return }
        let piece = pieces[index]
        group.addTask { (index, await result(of: piece, total)) }
      }
      for _ in 0..<Self.mostCalls { start() }
      for await (index, result) in group {
        switch result {
        case .success(let part): parts[index] = part
        case .failure(let error): failure = failure ?? error
        }
        if failure == nil { start() }
      }
    }
    if let failure { throw failure }
    return parts.compactMap(\.self)
  }

  /// A part of a text, and what is asked of it.
  private struct Piece: Sendable {
    let number: Int
    let text: String
    let note: String
    /// Names what is asked: a summary of something else is none of this part.
    let digest: String

    init(_ number: Int, _ index: Int, of count: Int, _ text: String, _ request: SummaryRequest) {
      self.number = number
      self.text = text
      note = "The user's text is part \(index + 1) of \(count) of a longer text."
      digest = fingerprint([request.instruction, note, text, "\(request.limit)"])
    }
  }

  /// What is recorded of a part; nil when there is nothing, or it is of another text.
  private func known(_ piece: Piece) -> Part? {
    guard let recorded = invocation.parts.known[piece.number], recorded["of"] == .string(piece.digest),
      let summary = recorded["summary"]?.stringValue
    else { return nil }
    return Part(summary: summary, usage: recorded["usage"] ?? .null)
  }

  private func result(of piece: Piece, _ total: Int) async -> Result<Part, StepError> {
    do throws(StepError) {
      let name = "part-\(piece.number)-\(piece.digest.prefix(8))"
      let (answer, _) = try await calls.answer(invocation, part: name, isShown: false) {
        request.request(to: $0, key: $1, piece.text, note: piece.note)
      }
      let outputs: JSONObject = [
        "summary": .string(answer.text), "usage": answer.usage, "of": .string(piece.digest),
      ]
      try await invocation.parts.record(piece.number, of: total, outputs)
      return .success(Part(summary: answer.text, usage: answer.usage))
    } catch {
      return .failure(error)
    }
  }
}
