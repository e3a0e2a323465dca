import ExactJSON
import Testing
import WorkflowLLM

@testable import WorkflowOperations

/// What of a model's answer is taken for JSON.
@Suite struct JSONAnswerTests {
  private func reading(_ text: String, finishReason: String? = "stop") throws -> JSONAnswer.Reading {
    let schema = try JSONSchema(["type": "object", "properties": ["a": ["type": "integer"]], "required": ["a"]])
    return JSONAnswer(schema: schema).read(
      ChatAnswer(text: text, model: "m", usage: .null, finishReason: finishReason))
  }

  @Test(arguments: [
    #"{"a":1}"#, " \n{\"a\":1}\n", "```json\n{\"a\":1}\n```", "```\n{\"a\":1}\n```", "\n```JSON\r\n{\"a\":1}\r\n```\n",
    "``` json \n\n{\"a\":1}\n\n```",
  ])
  func `JSON alone, or within one code fence, is an answer`(_ text: String) throws {
    #expect(try reading(text) == .value(["a": 1]))
  }

  @Test(arguments: [
    "Here you are: {\"a\":1}", "{\"a\":1} I hope this helps.", "Sure!\n```json\n{\"a\":1}\n```",
    "```json\n{\"a\":1}\n```\nDone.", "```json\n```json\n{\"a\":1}\n```\n```", "```{\"a\":1}```", "```json\n{\"a\":1}",
    "{\"a\":1}\n{\"a\":2}", "{'a':1}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "", "```", "``````",
  ])
  func `Anything else is not valid JSON`(_ text: String) throws {
    guard case .unfit(let why) = try reading(text) else {
      Issue.record("\(text) was read")
      return
    }
    #expect(why.hasPrefix("it is not valid JSON: "))
  }

  @Test func `An answer that was cut is said to be`() throws {
    #expect(
      try reading(#"{"a":"#, finishReason: "length")
        == .unfit(
          "it is not valid JSON: The text ends too early at byte 5; the answer was cut, because it has as many tokens as "
            + "it may have"))
  }

  @Test func `An answer of another form is told where`() throws {
    #expect(try reading(#"{"a":"x"}"#) == .unfit("/a must be an integer, not a string"))
    #expect(try reading("[]") == .unfit("the value must be an object, not an array"))
  }

  @Test(arguments: [
    ("null", "null", "null"), ("null", #"{"a":1}"#, #"{"a":1}"#), (#"{"a":1}"#, "null", #"{"a":1}"#),
    (
      #"{"p":10,"d":{"c":1,"x":"s"},"only":2}"#, #"{"p":5,"d":{"c":2,"x":"t","n":3}}"#,
      #"{"p":15,"d":{"c":3,"x":"t","n":3},"only":2}"#
    ),
    (#"{"a":1.5}"#, #"{"a":1}"#, #"{"a":2.5}"#), (#"{"a":1}"#, #"{"a":null}"#, #"{"a":1}"#),
  ])
  func `Counts of tokens are added place by place`(_ first: String, _ second: String, _ sum: String) throws {
    #expect(try JSONValue(parsing: first).adding(JSONValue(parsing: second)).text == sum)
  }
}
