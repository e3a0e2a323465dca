import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// What a real server sends, and what must become of it. The servers and their versions are those that were seen to
/// send it, or whose documentation or issues say so.
struct WireCase: Sendable, CustomTestStringConvertible {
  /// What becomes of an answer.
  enum Outcome: Sendable {
    /// An answer with this text, this reason, and these tokens: of the prompt, cached, of the answer, of reasoning.
    case answer(String, reason: String? = "stop", tokens: [Int?] = [nil, nil, nil, nil])
    /// A failure, which may be repeated or not, with these tokens, and with these words in its message.
    case failure(ErrorCode, again: Bool, tokens: [Int?] = [nil, nil, nil, nil], says: String = "")
  }

  let wire: ModelDefinition.Wire
  /// The server and its version.
  let server: String
  /// What it does.
  let what: String
  let behaviour: ModelServer.Behaviour
  let outcome: Outcome
  /// What is asked for.
  var request = ChatRequest.example

  /// Events of a stream; each is the data of one.
  init(
    _ wire: ModelDefinition.Wire, _ server: String, _ what: String, _ events: [String], _ outcome: Outcome,
    maxTokens: Int = 100
  ) {
    self.init(wire, server, what, raw: .stream(events), outcome, maxTokens: maxTokens)
  }

  /// A response as it is.
  init(
    _ wire: ModelDefinition.Wire, _ server: String, _ what: String, raw: ModelServer.Behaviour, _ outcome: Outcome,
    maxTokens: Int = 100
  ) {
    self.wire = wire
    self.server = server
    self.what = what
    behaviour = raw
    self.outcome = outcome
    request.maxTokens = maxTokens
  }

  var testDescription: String { "\(wire.rawValue), \(server): \(what)" }

  static let all = chat + responses + messages + errors
}

extension TokenUsage {
  /// The four numbers.
  var numbers: [Int?] { [input, cachedInput, output, reasoning] }
}

/// What servers send, and what becomes of it.
@Suite(.timeLimit(.minutes(5))) struct WireCaseTests {
  @Test(arguments: WireCase.all) func `What a server sends is taken as it is meant`(found: WireCase) async throws {
    let server = try ModelServer()
    server.behaviour = found.behaviour
    let (outcome, shown) = await server.model(found.wire).streamed(found.request)
    switch found.outcome {
    case .answer(let text, let reason, let tokens):
      let answer = try #require(outcome.answer, "\(outcome)")
      #expect(answer.text == text)
      #expect(answer.finishReason == reason)
      #expect(answer.tokens.numbers == tokens)
      #expect(shown.text == text)
    case .failure(let code, let again, let tokens, let words):
      let failure = try #require(outcome.failure, "\(outcome)")
      #expect(failure.code == code)
      #expect(failure.isTransient == again)
      #expect(failure.tokens.numbers == tokens)
      #expect(failure.message.contains(words), "\(failure.message)")
    }
    #expect(server.calls.count == 1)
  }
}
