import Curl
import ExactJSON
import Glibc
import Hiredis
import SystemHarness
import Testing

/// Over its byte limits a step fails with a sentence that names the setting.
@Suite struct LimitTests {
  @Test func `outputs over the limit of a step or of a run fail the step`() async throws {
    try await Stack.with(.init(settings: ["WF_MAX_OUTPUT_BYTES": "4096", "WF_MAX_RUN_BYTES": "8192"])) { stack in
      let large = try await stack.run(Examples.workflow(text: String(repeating: "x", count: 5_000)))
      #expect(large["status"] == "failed" && large["error_code"] == "output_too_large")
      #expect(large["error"]?.stringValue?.hasPrefix("step pre: ") == true)
      #expect(large["error"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
      let many = try await stack.run(
        [
          "run_name": "many", "inputs": ["text": .string(String(repeating: "x", count: 3_000))],
          "steps": .array((0..<4).map { ["id": .string("s\($0)"), "op": "preprocess"] }),
        ])
      #expect(many["status"] == "failed" && many["error_code"] == "output_too_large")
      #expect(many["error"]?.stringValue?.contains("WF_MAX_RUN_BYTES") == true)
      #expect(try await stack.run(Examples.workflow(text: "small"))["status"] == "finished")

      // What the inputs alone make too large is known at submission.
      func body(_ references: Int, of input: String = "@inputs.text") -> JSONValue {
        let data = JSONValue.array((0..<references).map { _ in .string(input) })
        return [
          "run_name": "references", "inputs": ["text": .string(String(repeating: "x", count: 1_000))],
          "steps": [
            ["id": "pre", "op": "preprocess"], ["id": "s", "op": "store_result", "params": ["data": data]],
          ],
        ]
      }
      #expect(try await stack.run(body(3))["status"] == "finished")
      for faulty in [body(5), body(5, of: "@inputs")] {
        let refused = try await stack.post(faulty.bytes)
        #expect(refused.status == 422)
        let fault = try refused.json["detail"]?.arrayValue?.first?.objectValue
        #expect(fault?["loc"] == ["body", "steps", 1, "params"])
        #expect(fault?["msg"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
      }
      #expect(try await stack.post(body(5, of: "@pre.clean_text").bytes).status == 202)
    }
  }

  @Test func `a text of 900 kB goes through`() async throws {
    let stack = try await SharedStack.get()
    let text = String(repeating: "word ", count: 180_000)
    let status = try await stack.run(Examples.workflow(text: text, namespace: "large"))
    #expect(status["status"] == "finished")
    #expect(status.at("result", "inputs", "text") == .string(text))
    #expect(status.at("result", "outputs", "pre", "clean_text") == .string(String(text.dropLast())))
  }

  @Test func `a text that is referred to ten thousand times fails its run and costs the worker no memory`() async throws
  {
    try await Stack.with(.init(settings: ["WF_MAX_BODY_BYTES": "2MiB"])) { stack in
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      let worker = try stack.processID(of: "worker-1")
      let before = try LimitTests.peakMemory(of: worker)
      for (count, bytes) in [(10_000, 100_000), (40_000, 250_000)] {
        let large = try await stack.submit(
          [
            "run_name": "many references", "inputs": ["text": .string(String(repeating: "x", count: bytes))],
            "steps": [
              ["id": "pre", "op": "preprocess"],
              [
                "id": "s", "op": "store_result",
                "params": ["data": .array(Array(repeating: "@pre.clean_text", count: count))],
              ],
            ],
          ])
        let others = try await [stack.submit(Examples.example), stack.submit(Examples.example)]
        let end = try await stack.end(of: large)
        #expect(end["status"] == "failed" && end["error_code"] == "output_too_large")
        #expect(end["error"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
        for id in others { #expect(try await stack.end(of: id)["status"] == "finished") }
      }
      #expect(try stack.processID(of: "worker-1") == worker)
      #expect(try LimitTests.peakMemory(of: worker) - before < 64 << 20)
    }
  }

  @Test func `a run of many megabytes leaves no more in Redis than the limit says`() async throws {
    let limit = 32 << 20
    try await Stack.with { stack in
      let text = String(repeating: "0123456789", count: 100_000)
      for (steps, status) in [(31, "finished"), (40, "failed")] as [(Int, JSONValue)] {
        let id = try await stack.submit(LimitTests.preprocesses(steps, text))
        let end = try await stack.end(of: id)
        #expect(end["status"] == status)
        #expect(try await stack.bytes(of: id) <= limit)
        #expect(JSONValue.object(end).bytes.count <= limit)
        let done = try await stack.progress(of: id).filter { $0["msg"] == "step_done" }
        #expect(done.count >= 31 && done.allSatisfy { $0["outputs_omitted"] == true && $0["outputs"] == nil })
        #expect(done.allSatisfy { $0["outputs_bytes"] == .number(JSONNumber(1_000_017)) })
        // A finished run's outputs are in its result, a failed one's with its steps.
        let place = status == "finished" ? end.at("result", "outputs", "s30") : end.at("steps", "s30", "outputs")
        #expect(place == ["clean_text": .string(text)])
      }
    }
  }

  @Test func `A run that stores as much as it may takes no more of the worker than that and its allowance`()
    async throws
  {
    try await Stack.with { stack in
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      let worker = try stack.processID(of: "worker-1")
      let before = try LimitTests.peakMemory(of: worker)
      let stores = (0..<300).map { number -> JSONValue in
        [
          "id": .string("s\(number)"), "op": "store_result",
          "params": ["data": ["@pre.clean_text", "@pre.clean_text"]],
        ]
      }
      let id = try await stack.submit(
        [
          "run_name": "many stores", "inputs": ["text": .string(String(repeating: "x", count: 900_000))],
          "steps": .array([["id": "pre", "op": "preprocess"]] + stores),
        ])
      #expect(try await stack.end(of: id)["error_code"] == "output_too_large")
      #expect(try LimitTests.peakMemory(of: worker) - before < (32 + 64) << 20)
    }
  }

  @Test func `whatever the sizes of its outputs, a run stays within its limit in Redis`() async throws {
    let limit = 64 << 10
    let settings = ["WF_MAX_RUN_BYTES": "\(limit)", "WF_MAX_PROGRESS_ENTRY_BYTES": "8KiB"]
    try await Stack.with(.init(settings: settings)) { stack in
      var outcomes = Set<String>()
      // Outputs that fit easily, that fit once but not a second time in the log, that fit not even once.
      for size in [300, 6_000, 12_000] + stride(from: 2_200, through: 2_800, by: 50) {
        let id = try await stack.submit(LimitTests.preprocesses(12, String(repeating: "\"", count: size / 2)))
        let end = try await stack.end(of: id)
        outcomes.insert(end["status"]?.stringValue ?? "none")
        #expect(try await stack.bytes(of: id) <= limit, "\(size)")
        if end["status"] == "failed" { #expect(end["error"]?.stringValue?.contains("WF_MAX_RUN_BYTES") == true) }
      }
      #expect(outcomes == ["finished", "failed"])
    }
  }

  private static func preprocesses(_ count: Int, _ text: String) -> JSONValue {
    [
      "run_name": "many", "inputs": ["text": .string(text)],
      "steps": .array((0..<count).map { ["id": .string("s\($0)"), "op": "preprocess"] }),
    ]
  }

  /// The most memory that a process has had, in bytes.
  private static func peakMemory(of process: Int32) throws -> Int {
    let status = try String(decoding: Stack.read("/proc/\(process)/status"), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return try #require(line?.split(separator: " ").dropLast().last.flatMap { Int($0) }) << 10
  }
}

extension Stack {
  /// Bytes of all texts that Redis holds of a run: job, log and result.
  fileprivate func bytes(of id: String) async throws -> Int {
    let script = """
      local bytes = redis.call('STRLEN', KEYS[3]) + redis.call('STRLEN', KEYS[4])
      for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do bytes = bytes + #text end
      for _, text in ipairs(redis.call('HGETALL', KEYS[5])) do bytes = bytes + #text end
      for _, text in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do bytes = bytes + #text end
      return bytes
      """
    let keys = ["job", "progress", "result", "docs", "outputs"].map { key($0, id) }
    let answer = try await command("EVAL", script, "5", keys[0], keys[1], keys[2], keys[3], keys[4])
    return try #require(answer.int)
  }
}
