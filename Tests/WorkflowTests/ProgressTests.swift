import ExactJSON
import Testing
import Workflow

struct ProgressTests {
  private static let failure = StepFailure(.rateLimited, "the provider said \"no\"\n\u{0}\\ 😀")
  private static let awkward = [
    "", "run", "a \"quoted\" \\ name", "line\nbreak\t\u{0}\u{1f}", "😀 👨‍👩‍👧 e\u{301}", "\",\"step\":\"x",
  ]

  /// The entry as it stands in the log.
  private func entry(_ message: ProgressMessage, at microseconds: Int = 1_732_387_200_123_456) -> [UInt8] {
    message.entry(at: Timestamp(microseconds: microseconds))
  }

  @Test func `Every message is the text that the log is known for`() {
    let messages: [(ProgressMessage, String)] = [
      (.started(run: "r"), #""msg":"started","run":"r"}"#),
      (.resumed, #""msg":"resumed"}"#),
      (.stepStart(step: "a", op: "note"), #""msg":"step_start","step":"a","op":"note"}"#),
      (.stepDone(step: "a", .shown(bytes(#"{"n":1e400}"#))), #""msg":"step_done","step":"a","outputs":{"n":1e400}}"#),
      (
        .stepDone(step: "a", .omitted(bytes: 70_000)),
        #""msg":"step_done","step":"a","outputs_omitted":true,"outputs_bytes":70000}"#
      ),
      (
        .stepFailed(step: "a", StepFailure(.timeout, "late")),
        #""msg":"step_failed","step":"a","error_code":"timeout","error":"late"}"#
      ),
      (.finished, #""msg":"finished"}"#),
      (
        .failed(StepFailure(.operationFailed, "bad")),
        #""msg":"failed","error_code":"operation_failed","error":"bad"}"#
      ),
    ]
    expect(messages)
  }

  @Test func `So is every message of models`() {
    expect([
      (
        .modelFallback(step: "a", StepFailure(.invalidAnswer, "odd"), usage: .null),
        #""msg":"llm_fallback","step":"a","error_code":"invalid_answer","error":"odd"}"#
      ),
      (
        .modelFallback(step: "a", StepFailure(.invalidAnswer, "odd"), usage: ["total_tokens": 7]),
        #""msg":"llm_fallback","step":"a","error_code":"invalid_answer","error":"odd","usage":{"total_tokens":7}}"#
      ),
      (
        .nextModel(step: "a", item: nil, .init(to: "big", from: "fast", StepFailure(.timeout, "late"))),
        #""msg":"llm_next_model","step":"a","model":"big","instead_of":"fast","error_code":"timeout","error":"late"}"#
      ),
      (
        .nextModel(step: "a", item: 3, .init(to: "b\"", from: "c", StepFailure(.timeout, ""))),
        #""msg":"llm_next_model","step":"a","item":3,"model":"b\"","instead_of":"c","error_code":"timeout","error":""}"#
      ),
    ])
  }

  private func expect(_ messages: [(ProgressMessage, String)]) {
    for (message, text) in messages {
      #expect(String(decoding: entry(message), as: UTF8.self) == #"{"ts":1732387200.123456,"# + text)
      #expect(message.byteCount == entry(message).count)
    }
  }

  @Test(arguments: awkward)
  func `Any name survives the log`(name: String) throws {
    let parsed = try JSONValue(parsing: entry(.started(run: name))).objectValue
    #expect(parsed?.keys == ["ts", "msg", "run"])
    #expect(parsed?["run"] == .string(name))
    #expect(ProgressMessage.started(run: name).byteCount == entry(.started(run: name)).count)
    let head = try #require(ProgressHead(entry(.started(run: name))))
    #expect(head.timestamp == bytes("1732387200.123456")[...] && head.message == "started")
    #expect(head.step == nil && head.op == nil)
  }

  @Test func `Any sentence survives the log`() throws {
    let failed = try JSONValue(parsing: entry(.stepFailed(step: "a", ProgressTests.failure)))
    #expect(failed.objectValue?["error"] == .string(ProgressTests.failure.message))
    #expect(ProgressHead(entry(.stepFailed(step: "a", ProgressTests.failure)))?.step == "a")
    #expect(ProgressHead(entry(.failed(ProgressTests.failure)))?.message == "failed")
  }

  @Test func `A head tells the time, the message, the step and its operation`() throws {
    let start = try #require(ProgressHead(entry(.stepStart(step: "a-1", op: "note"), at: 7_000_001)))
    #expect(start.timestamp == bytes("7.000001")[...] && start.message == "step_start")
    #expect(start.step == "a-1" && start.op == "note")
    let done = try #require(ProgressHead(entry(.stepDone(step: "a", .shown(bytes(#"{"op":"x"}"#))))))
    #expect(done.message == "step_done" && done.step == "a" && done.op == nil)
    let finished = try #require(ProgressHead(entry(.finished)))
    #expect(finished.message == "finished" && finished.step == nil)
  }

  @Test func `The outputs of a step are the bytes that went in`() {
    let outputs = bytes(#"{ "n": 12345678901234567890, "s": "\u0000\"}" }"#)
    #expect(ProgressHead.outputs(in: entry(.stepDone(step: "a", .shown(outputs))))?.elementsEqual(outputs) == true)
    #expect(ProgressHead.outputs(in: entry(.stepDone(step: "a", .omitted(bytes: 1)))) == nil)
    #expect(ProgressHead.outputs(in: entry(.stepStart(step: "a", op: "note"))) == nil)
    #expect(ProgressHead.outputs(in: entry(.finished)) == nil)
  }

  @Test(
    arguments: [
      "", "{", "null", #"{"ts":"#, #"{"ts":1,"message":"x"}"#, #"{"msg":"started","ts":1}"#, #"{"ts":1,"msg":"x"#,
    ])
  func `An entry that wf did not write has no head`(text: String) {
    #expect(ProgressHead(bytes(text)) == nil)
  }

  @Test func `A step whose entry is cut short has no outputs`() {
    #expect(ProgressHead.outputs(in: bytes(#"{"ts":1,"msg":"step_done","step":"a"#)) == nil)
    #expect(ProgressHead.outputs(in: bytes(#"{"ts":1,"msg":"step_done","step":"a","out"#)) == nil)
  }
}
