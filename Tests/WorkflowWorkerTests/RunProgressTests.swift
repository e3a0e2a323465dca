import ExactJSON
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// What a run's results become in the batches that are written.
@Suite struct RunProgressTests {
  private func progress(
    _ steps: [StepDefinition], inputs: JSONObject = [:], recorded: [String: JSONObject] = [:],
    outputBytes: Int = 10_000, runBytes: Int = 100_000
  ) throws -> RunProgress {
    RunProgress(
      try .make(steps, inputs: inputs, recorded: recorded),
      limits: .init(outputBytes: outputBytes, runBytes: runBytes, progressEntryBytes: 1_000), clock: RedisClock())
  }

  /// Runs a step of a run to its end.
  private func end(_ progress: inout RunProgress, _ result: OperationResult) throws {
    let taken = progress.takeReady()
    let position = try #require(taken)
    progress.begin(position)
    progress.succeed(position, result, isImmediate: true)
  }

  private func text(_ count: Int) -> JSONValue { .string(String(repeating: "x", count: count)) }

  /// The message with which a batch ends a run.
  private func failure(_ batch: CheckpointBatch?) -> String? {
    if case .failed(let failure) = batch?.end { failure.message } else { nil }
  }

  @Test func `A batch is taken once, and the next one is empty`() throws {
    var progress = try progress([.step("a", "now"), .step("b", "now")])
    #expect(progress.takeBatch(hasStepInFlight: false)?.summary == "started")
    #expect(progress.takeBatch(hasStepInFlight: false) == nil)
    try end(&progress, .outputs([:]))
    #expect(progress.takeBatch(hasStepInFlight: true)?.summary == "start a, done a *")
  }

  @Test func `The log repeats outputs up to a size, and notes come before them`() throws {
    var progress = try progress([.step("a", "now"), .step("b", "now")])
    let note = ProgressMessage.modelFallback(step: "b", StepFailure(.timeout, "late"), usage: .null)
    try end(&progress, .outputs(["text": text(2_000)]))
    try end(&progress, .outputs(["text": "x"], notes: [note]))
    let next = progress.takeBatch(hasStepInFlight: false)
    let batch = try #require(next)
    #expect(batch.summary == "started, start a, done a, start b, fallback b, done b, finish | finished")
    let inLog = batch.items.compactMap { item -> Bool? in
      if case .checkpoint(_, _, let inLog, _) = item { inLog } else { nil }
    }
    #expect(inLog == [false, true])
  }

  @Test func `An operation is told how large its outputs may be`() throws {
    var progress = try progress([.step("a", "now")], outputBytes: 1_234)
    let taken = progress.takeReady()
    let (invocation, _) = try progress.invocation(try #require(taken), schema: ParameterSchema([]))
    #expect(invocation.outputLimit == progress.limits.step)
    #expect(invocation.outputLimit.bytes == 1_234)
  }

  @Test func `Outputs that are too large fail their step, naming the setting`() throws {
    var progress = try progress([.step("a", "now")])
    try end(&progress, .outputs(["text": text(10_000)]))
    let batch = progress.takeBatch(hasStepInFlight: false)
    #expect(failure(batch) == "step a: the outputs take more than 10000 bytes (WF_MAX_OUTPUT_BYTES)")
    #expect(progress.failure?.code == .outputTooLarge)
  }

  @Test(arguments: [127, 128]) func `Outputs may be nested 128 levels deep`(levels: Int) throws {
    var value = JSONValue.null
    for _ in 0..<levels { value = .array([value]) }
    var progress = try progress([.step("a", "now")])
    try end(&progress, .outputs(["deep": value]))
    let batch = progress.takeBatch(hasStepInFlight: false)
    let message = "step a: the outputs are nested more than 128 levels deep"
    #expect(failure(batch) == (levels == 127 ? nil : message))
  }

  @Test func `Outputs that exceed what the run has left fail their step`() throws {
    var progress = try progress([.step("a", "now"), .step("b", "now")], outputBytes: 9_000, runBytes: 15_000)
    try end(&progress, .outputs(["text": text(8_000)]))
    try end(&progress, .outputs(["text": text(8_000)]))
    let batch = progress.takeBatch(hasStepInFlight: false)
    #expect(failure(batch)?.contains("of 15000 left (WF_MAX_RUN_BYTES)") == true)
    #expect(batch?.summary.hasPrefix("started, start a, done a, start b, fail b, fail |") == true)
  }

  @Test func `Values are counted by store, and in order of storing`() throws {
    var progress = try progress(["a", "b", "c"].map { .step($0, "now") })
    for namespace in ["x", "y", "x"] { try end(&progress, .stored(namespace: namespace, data: 1)) }
    let next = progress.takeBatch(hasStepInFlight: false)
    let batch = try #require(next)
    var items: [String] = []
    for item in batch.items {
      switch item {
      case .checkpoint(let step, let outputs, _, _): items.append("\(step) \(String(decoding: outputs, as: UTF8.self))")
      case .stored(let unit, let order, let namespace, let value):
        items.append("\(unit.name) \(order) \(namespace) \(String(decoding: value, as: UTF8.self))")
      case .entry, .item, .ended, .attempted: break
      }
    }
    #expect(
      items == [
        #"a {"stored_under":"x","items":1}"#, "a 0 x 1", #"b {"stored_under":"y","items":1}"#, "b 1 y 1",
        #"c {"stored_under":"x","items":2}"#, "c 2 x 1",
      ])
  }

  @Test func `A value whose step fails for want of room is not stored`() throws {
    // From too little room for the value to room for everything, byte by byte.
    var summaries = Set<String>()
    for runBytes in 1_600..<2_600 {
      var progress = try progress([.step("a", "now")], outputBytes: 1_000, runBytes: runBytes)
      try end(&progress, .stored(namespace: "list", data: text(500)))
      let summary = progress.takeBatch(hasStepInFlight: false)?.summary ?? ""
      summaries.insert(String(summary.prefix { $0 != "|" }))
    }
    #expect(
      summaries == ["started, start a, fail a, fail ", "started, start a, done a, store a in list, finish "])
  }

  @Test func `The first failure is the run's`() throws {
    var progress = try progress([.step("a", "call"), .step("b", "call")])
    let taken = [progress.takeReady(), progress.takeReady()].compactMap { $0 }
    for position in taken { progress.begin(position) }
    progress.fail(1, StepFailure(.timeout, "late"))
    progress.fail(0, StepFailure(.rateLimited, "often"))
    let batch = progress.takeBatch(hasStepInFlight: false)
    #expect(batch?.summary == "started, start a, start b, fail b, fail a, fail | failed: step b: late")
    #expect(progress.failure?.code == .timeout)
  }

  @Test func `Parameters are resolved from inputs and from outputs, recorded or new`() throws {
    var progress = try progress(
      [
        .step("a", "call"), .step("b", "now", needs: ["a"]),
        .step("c", "call", ["x": "@a.text", "y": "@b.text", "z": "@inputs.text"]),
      ], inputs: ["text": "i"], recorded: ["a": ["text": "1"]])
    try end(&progress, .outputs(["text": "2"]))
    let taken = progress.takeReady()
    let position = try #require(taken)
    let (invocation, bytes) = try progress.invocation(position, schema: ParameterSchema([]))
    #expect(invocation.params == ["x": "1", "y": "2", "z": "i"] && invocation.step == "c")
    #expect(bytes == JSONValue.object(invocation.params).bytes.count)
  }

  @Test func `Outputs that must be recorded first free their dependents when the batch is confirmed`() throws {
    var progress = try progress([.step("a", "call"), .step("b", "now", needs: ["a"])])
    let taken = progress.takeReady()
    let unit = try #require(taken)
    #expect(unit == .init(position: 0))
    progress.begin(unit)
    progress.succeed(unit, .outputs([:]), isImmediate: false)
    #expect(progress.takeReady() == nil)
    _ = progress.takeBatch(hasStepInFlight: false)
    #expect(progress.takeReady() == nil)
    progress.confirm()
    #expect(progress.takeReady() == .init(position: 1))
  }

  @Test func `A failed step with a long message fits in a full run`() throws {
    var progress = try progress([.step("a", "call")], outputBytes: 1_000, runBytes: 1_800)
    let taken = progress.takeReady()
    let position = try #require(taken)
    progress.begin(position)
    let failure = StepFailure(.operationFailed, String(repeating: "m", count: 2_000))
    progress.fail(position, failure)
    let message = try #require(self.failure(progress.takeBatch(hasStepInFlight: false)))
    #expect(message.utf8.count < 200)
  }
}
