import ExactJSON
import Testing
import Workflow
import WorkflowLLM

@testable import WorkflowOperations

/// Texts that are costly to compare by characters, wherever a step of `llm_chat` or an answer may have them.
@Suite(.timeLimit(.minutes(5))) struct HostileChatTests {
  /// A letter with very many combining marks, which no normalisation may sort.
  private static func marks(_ bytes: Int) -> String { "a" + String(repeating: "\u{301}\u{323}", count: bytes / 4) }

  /// Parameters with a text in each place that can have one.
  private static func places(_ text: JSONValue, key: String) -> [JSONObject] {
    func schema(_ schema: JSONObject) -> JSONObject { ["prompt": "p", "response_schema": .object(schema)] }
    func message(_ message: JSONObject) -> JSONObject { ["messages": [.object(message)]] }
    return [
      ["prompt": text], ["prompt": "p", "system": text], ["prompt": "p", "stop": [text]],
      message(["role": text, "content": "c"]), message(["role": "user", "content": text]),
      message(["role": "user", "content": "c", key: "x"]),
      schema([key: "x"]), schema(["type": text]), schema(["type": [text]]), schema(["enum": [text, text]]),
      schema(["const": text]), schema(["$ref": text]), schema(["$schema": text]), schema(["title": text]),
      schema(["properties": [key: ["type": "string"]], "required": [text]]), schema(["$defs": [key: true]]),
    ]
  }

  @Test func `No place of a step makes a text costly`() {
    let parameters = LLMChat().parameters
    for params in Self.places(.string(Self.marks(60_000)), key: Self.marks(60_000)) {
      let elapsed = ContinuousClock().measure {
        try? parameters.check(resolved: params)
      }
      // By characters each of these takes seconds.
      #expect(elapsed < .seconds(2), "\(params.keys)")
    }
  }

  @Test func `No answer of a model is costly to read`() throws {
    let form = JSONAnswer(schema: try JSONSchema(["properties": ["a": ["enum": ["b"]]], "required": ["c"]]))
    let marks = Self.marks(1 << 20)
    let answers = [
      marks, "```\n" + marks + "\n```", "```" + marks + "\n{}\n```", #"{"a":"\#(marks)"}"#, #"{"\#(marks)":1}"#,
    ]
    for text in answers {
      let elapsed = ContinuousClock().measure {
        _ = form.read(ChatAnswer(text: text, model: "m", usage: .null))
      }
      #expect(elapsed < .seconds(2))
    }
  }
}
