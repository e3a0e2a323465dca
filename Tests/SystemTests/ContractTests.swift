import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// The contract, from outside: curl's view through nginx, and what lies in Redis afterwards.
@Suite struct ContractTests {
  @Test func `a submission answers 202 with the job's id and where its status is`() async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.post(Examples.example.bytes)
    #expect(response.status == 202)
    let id = try #require(try response.json["job_id"]?.stringValue)
    #expect(try response.json == ["job_id": .string(id), "status_url": .string("/status/\(id)")])
    #expect(response.header("Location") == "/status/\(id)")
    #expect(response.header("Content-Type") == "application/json")
    #expect(response.header("X-Request-ID") != nil)
    #expect(try await stack.command("EXISTS", stack.key("job", id), stack.key("progress", id)) == .integer(2))
    _ = try await stack.end(of: id)
  }

  @Test func `the example gives what the Python service gives`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run(Examples.workflow(text: Examples.text, namespace: "contract-example"))
    let summary = JSONValue.string("Summary(64): " + Examples.text)
    #expect(status["status"] == "finished")
    #expect(status["run_name"] == "summarize-then-store")
    #expect(
      status.messages == [
        "enqueued", "started", "step_start pre", "step_done pre", "step_start llm", "step_done llm",
        "step_start store", "step_done store", "finished",
      ])
    #expect(status.at("result", "inputs") == ["text": .string(Examples.text)])
    #expect(status.at("result", "outputs", "pre") == ["clean_text": .string(Examples.text)])
    #expect(
      status.at("result", "outputs", "llm")
        == ["summary": summary, "provider": "placeholder", "model": "placeholder", "usage": nil])
    #expect(status.at("result", "outputs", "store") == ["stored_under": "contract-example", "items": 1])
    #expect(status.at("result", "stores") == ["contract-example": [summary]])
    #expect(status.at("steps", "llm", "status") == "done")
    #expect(status.at("steps", "llm", "attempts") == 1)
  }

  @Test func `the times of a run are numbers in order`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run(Examples.example)
    let entries = status["progress"]?.arrayValue ?? []
    let times = entries.compactMap { $0.objectValue?["ts"]?.numberValue?.double }
    #expect(times.count == entries.count)
    #expect(times == times.sorted())
    let created = try #require(status["created_ts"]?.numberValue?.double)
    let started = try #require(status["started_ts"]?.numberValue?.double)
    let finished = try #require(status["finished_ts"]?.numberValue?.double)
    #expect(created <= started && started <= finished)
    #expect(times.first == created && times.last == finished)
  }

  @Test func `a finished run is public in Redis, and every key of it expires`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.workflow(text: "public", namespace: "contract-public"))
    _ = try await stack.end(of: id)
    #expect(try await stack.command("HGET", stack.key("job", id), "status").string == "finished")
    #expect(try await stack.command("HGET", stack.key("job", id), "run_name").string == "summarize-then-store")
    let result = try #require(try await stack.command("GET", stack.key("result", id)).string)
    #expect(try JSONValue(parsing: result).objectValue?["run_name"] == "summarize-then-store")
    let store = stack.key("store:contract-public", ofPartition: id)
    let item = try #require(try await stack.command("LINDEX", store, "0").string)
    #expect(try JSONValue(parsing: item) == ["job_id": .string(id), "step": "store", "data": "Summary(6): public"])
    let keys = ["job", "progress", "result"].map { stack.key($0, id) }
    for key in keys + [store] {
      #expect(try #require(try await stack.command("TTL", key).int) > 0, "\(key)")
    }
  }

  @Test func `documents come back as they went in`() async throws {
    let stack = try await SharedStack.get()
    let inputs = #"{"z":12345678901234567890,"a":0.1,"big":1e400,"one":1.0,"neg":-0.0,"text":"é\u0000/ \ud83d\ude00"}"#
    let body =
      #"{"run_name":"exact","inputs":"# + inputs
      + #","steps":[{"id":"s","op":"store_result","params":{"data":"@inputs","namespace":"exact"}}]}"#
    let response = try await stack.post(body)
    let id = try #require(try response.json["job_id"]?.stringValue)
    let status = try await stack.end(of: id)
    #expect(status.at("result", "inputs")?.text == (try JSONValue(parsing: inputs).text))
    #expect(status.at("result", "stores", "exact")?.arrayValue?.last?.text == (try JSONValue(parsing: inputs).text))
    #expect(status.at("result", "inputs", "big")?.numberValue?.text == "1e400")
  }

  @Test func `a value that a reference brings in is data`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run([
      "run_name": "data", "inputs": ["text": "@pre.nothing"],
      "steps": [
        ["id": "pre", "op": "preprocess"],
        [
          "id": "s", "op": "store_result",
          "params": ["data": ["a": ["@pre.clean_text", "@@pre"]], "namespace": "data"],
        ],
      ],
    ])
    #expect(status.at("result", "stores", "data") == [["a": ["@pre.nothing", "@pre"]]])
  }

  @Test func `a reference is a dependency even where needs does not say so`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run([
      "run_name": "implied", "inputs": ["text": "implied"],
      "steps": [
        ["id": "store", "op": "store_result", "params": ["namespace": "implied"]],
        ["id": "llm", "op": "llm_summarize"],
        ["id": "pre", "op": "preprocess"],
      ],
    ])
    #expect(status.at("result", "stores", "implied") == ["Summary(7): implied"])
  }

  @Test func `an output that is missing at run time fails the step and names what is there`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run([
      "run_name": "missing", "inputs": ["text": "x"],
      "steps": [
        ["id": "pre", "op": "preprocess"],
        ["id": "llm", "op": "llm_summarize", "params": ["source": "@pre.cleaned"]],
      ],
    ])
    #expect(status["status"] == "failed")
    #expect(status["error_code"] == "reference_missing")
    let error = try #require(status["error"]?.stringValue)
    #expect(error.contains("@pre.cleaned") && error.contains("clean_text"))
    #expect(status.at("result") == .null)
    #expect(status.at("steps", "pre", "outputs") == ["clean_text": "x"])
    #expect(status.at("steps", "llm", "status") == "failed")
    #expect(status.messages.suffix(2) == ["step_failed llm", "failed"])
  }

  @Test func `the same Idempotency-Key with the same body is the same job`() async throws {
    let stack = try await SharedStack.get()
    let key: [HTTPHeader] = [("Idempotency-Key", "contract-\(UInt64.random(in: 0 ... .max))")]
    let first = try await stack.post(Examples.example.bytes, headers: key)
    let second = try await stack.post(Examples.example.bytes, headers: key)
    #expect(first.status == 202 && second.status == 202)
    #expect(first.body == second.body)
    let other = try await stack.post(Examples.workflow(text: "another").bytes, headers: key)
    #expect(other.status == 409)
    let id = try #require(try first.json["job_id"]?.stringValue)
    #expect(try #require(try other.json["detail"]?.stringValue).contains(id))
  }

  @Test func `HEAD answers like GET without a body`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.example)
    _ = try await stack.end(of: id)
    let get = try await stack.send("GET", "/status/\(id)")
    let head = try await stack.send("HEAD", "/status/\(id)")
    #expect(head.status == 200 && head.body.isEmpty)
    #expect(head.header("Content-Length") == "\(get.body.count)")
  }

  @Test func `health answers 200 with the facts`() async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.send("GET", "/status/health")
    #expect(response.status == 200)
    let facts = try response.json
    #expect(facts["status"] == "ok" && facts["redis"] == "ok")
    #expect(facts["workers"]?.numberValue?.int == 2)
  }

  @Test func `a text of 900 kB goes through`() async throws {
    let stack = try await SharedStack.get()
    let text = String(repeating: "wörd ", count: 150_000)
    let status = try await stack.run(Examples.workflow(text: text, namespace: "large"))
    #expect(status["status"] == "finished")
    #expect(status.at("result", "outputs", "pre", "clean_text")?.stringValue?.utf8.count == 899_999)
  }

  @Test func `a chain and a fan of 1,000 steps finish`() async throws {
    let stack = try await SharedStack.get()
    for isChain in [true, false] {
      let steps = (0..<1_000).map { number -> JSONValue in
        let needs: [JSONValue] = number == 0 ? [] : [.string(isChain ? "s\(number - 1)" : "s0")]
        return ["id": .string("s\(number)"), "op": "preprocess", "needs": .array(needs)]
      }
      let status = try await stack.run(["run_name": "wide", "inputs": ["text": "x"], "steps": .array(steps)])
      #expect(status["status"] == "finished")
      #expect(status["progress"]?.arrayValue?.count == 2_003)
      #expect(status.at("result", "outputs")?.objectValue?.count == 1_000)
    }
  }
}
