import ExactJSON
import Testing
import Workflow
import WorkflowOperations

@Suite struct SplitTextTests {
  private let split = SplitText()

  private func chunks(_ text: String, _ params: JSONObject) async throws -> [String] {
    var params = params
    params["text"] = .string(text)
    let outputs = try await split.outputs(params)
    let chunks = outputs["chunks"]?.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(outputs.keys == ["chunks", "count"])
    #expect(outputs["count"]?.numberValue?.int == chunks.count)
    return chunks
  }

  private func chunks(_ text: String, chars: Int) async throws -> [String] {
    try await chunks(text, ["max_chars": .number(JSONNumber(chars))])
  }

  @Test func `A text that fits is one chunk, and no text is none`() async throws {
    #expect(try await chunks("One. Two.\n\nThree.", [:]) == ["One. Two.\n\nThree."])
    #expect(try await chunks("One.", chars: 4) == ["One."])
    #expect(try await chunks("", chars: 1) == [])
    #expect(try await split.outputs(["text": ""]) == ["chunks": [], "count": 0])
  }

  @Test func `Paragraphs stay whole, then sentences, then lines, then words`() async throws {
    #expect(
      try await chunks("One. Two.\n\nThree. Four.\r\n \r\nFive.", chars: 20)
        == ["One. Two.\n\n", "Three. Four.\r\n \r\n", "Five."])
    #expect(try await chunks("One two. Three four!  Five six", chars: 25) == ["One two. Three four!  ", "Five six"])
    #expect(try await chunks("one two\nthree four five", chars: 15) == ["one two\n", "three four five"])
    #expect(try await chunks("one two\tthree", chars: 9) == ["one two\t", "three"])
    #expect(try await chunks("abcdefgh", chars: 3) == ["abc", "def", "gh"])
    #expect(try await chunks("a b\u{a0}c d", chars: 6) == ["a b\u{a0}c ", "d"])
  }

  @Test(arguments: [
    ("He left (late). \"Why?\" she said.", 23, ["He left (late). \"Why?\" ", "she said."]),
    ("Use e.g. this one. And that", 12, ["Use e.g. ", "this one. ", "And that"]),
    ("Is it?! Yes… No more", 13, ["Is it?! Yes… ", "No more"]),
    ("今日は。明日は！」昨日", 6, ["今日は。", "明日は！」", "昨日"]),
  ])
  func `A sentence ends with its quotes and brackets, and not before lower case`(
    text: String, chars: Int, wanted: [String]
  ) async throws {
    #expect(try await chunks(text, chars: chars) == wanted)
  }

  @Test func `White space that does not fit begins the next chunk`() async throws {
    #expect(try await chunks("First.\n\nSecond.", chars: 6) == ["First.", "\n\nSeco", "nd."])
    #expect(try await chunks("Hello world", chars: 5) == ["Hello", " worl", "d"])
    #expect(try await chunks("a       b", chars: 4) == ["a   ", "    ", "b"])
  }

  @Test func `Characters are Unicode scalars, and none is cut`() async throws {
    #expect(try await chunks("😀😀😀", chars: 2) == ["😀😀", "😀"])
    let marks = try await chunks("e\u{301}\u{316}x", chars: 2)
    #expect(marks.map { Array($0.unicodeScalars) } == [["e", "\u{301}"], ["\u{316}", "x"]])
  }

  @Test func `A token is estimated as four bytes`() async throws {
    #expect(try await chunks("abcdefghijkl", ["max_tokens": 2]) == ["abcdefgh", "ijkl"])
    #expect(try await chunks("ééééé", ["max_tokens": 1]) == ["éé", "éé", "é"])
    #expect(try await chunks("€€€", ["max_tokens": 1]) == ["€", "€", "€"])
    #expect(try await chunks("😀😀", ["max_tokens": 1]) == ["😀", "😀"])
  }

  @Test func `A chunk repeats the end of the one before, from a word on`() async throws {
    #expect(
      try await chunks("one two three four five", ["max_chars": 10, "overlap": 5])
        == ["one two ", "two three ", "four five"])
    #expect(try await chunks("abcdefghij", ["max_chars": 4, "overlap": 2]) == ["abcd", "cdef", "efgh", "ghij"])
    #expect(try await chunks("abcdefghij", ["max_chars": 4, "overlap": 1]) == ["abcd", "defg", "ghij"])
    #expect(
      try await chunks("abcdefghijklmnop", ["max_tokens": 2, "overlap": 1]) == ["abcdefgh", "efghijkl", "ijklmnop"])
    // No more than half of a chunk is repeated.
    #expect(try await chunks("abcdefgh", ["max_chars": 4, "overlap": 3]) == ["abcd", "cdef", "efgh"])
  }

  @Test func `The parameters are checked at submission`() {
    #expect(split.faults([:]) == ["text: missing"])
    #expect(
      split.faults(["text": [], "max_chars": 0, "max_tokens": "2", "overlap": -1]) == [
        "text: string_type", "max_chars: value_error", "max_tokens: int_type", "overlap: value_error",
        "max_tokens: value_error",
      ])
    #expect(split.faults(["text": "@a.b", "max_chars": 5, "overlap": 5]) == ["overlap: value_error"])
    #expect(split.faults(["text": "{{a.b}}", "max_tokens": 5, "overlap": 4]) == [])
    #expect(split.faults(["text": "t", "max_chars": "@a.b", "overlap": 4]) == [])
    let message = split.parameters.faults(in: ["text": "", "max_chars": 5, "max_tokens": 5], at: []).first?.message
    #expect(message == "Value error, only one of max_chars and max_tokens can be given")
  }

  @Test(
    arguments: [
      (["max_chars": 5, "overlap": 5], "overlap: overlap must be less than max_chars, which is 5"),
      (["max_tokens": 5, "max_chars": 5], "max_tokens: only one of max_chars and max_tokens can be given"),
      (["overlap": 4_000], "overlap must be less than 4000, the default of max_chars"),
    ] as [(JSONObject, String)])
  func `What references bring is checked when the step starts`(params: JSONObject, message: String) async {
    do {
      _ = try await chunks("text", params)
      Issue.record("no failure")
    } catch let failure as StepFailure {
      #expect(failure == StepFailure(.operationFailed, message))
    } catch {
      #expect(error as? StepError == .failed(StepFailure(.operationFailed, message)))
    }
  }

  /// What the operation returns where its outputs may take so many bytes.
  private func result(_ params: JSONObject, limit: Int) async throws(StepError) -> OperationResult {
    let params = split.parameters.fillingDefaults(params)
    let limit = ByteLimit(limit, setting: "WF_TEST")
    return try await split.run(Invocation(job: "j", step: "s", params: params, inputs: [:], outputLimit: limit))
  }

  @Test func `No more chunks are made than outputs may hold`() async throws {
    let params: JSONObject = ["text": .string(String(repeating: "x", count: 1_000_000)), "max_chars": 1]
    let error = await #expect(throws: StepError.self) { try await result(params, limit: 100_000) }
    #expect(error == .failed(StepFailure(.outputTooLarge, "the outputs take more than 100000 bytes (WF_TEST)")))
    let small: JSONObject = ["text": "a b\n\u{1}", "max_chars": 2]
    let bytes = JSONValue.object(try await split.outputs(small)).bytes.count
    _ = try await result(small, limit: bytes)
    await #expect(throws: StepError.self) { try await result(small, limit: bytes - 1) }
  }

  @Test func `It is not immediate, because a text may be long`() { #expect(!split.isImmediate) }
}
