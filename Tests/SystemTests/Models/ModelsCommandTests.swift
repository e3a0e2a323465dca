import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// `wf models`, and the other commands with a file of models.
@Suite struct ModelsCommandTests {
  private func wfModels(
    _ arguments: String..., path: String, settings: [String: String] = ModelChain.keys
  ) async throws -> CommandOutcome {
    let outcome = try await wf(["models"] + arguments, settings: settings.merging(["WF_MODELS_FILE": path]) { $1 })
    #expect(!(outcome.output + outcome.error).contains("hush"))
    return outcome
  }

  @Test func `wf models lists what steps can name, without keys`() async throws {
    try await withModelChain { chain, path in
      let outcome = try await wfModels(path: path)
      #expect(outcome.code == 0)
      let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(lines.first == ["NAME", "CHAIN", "WIRE", "MODEL", "HOST", "KEY", "LIMITS", "PRICES"])
      #expect(
        lines.dropFirst().first == [
          "first", "1", "openai-chat", "m1", "127.0.0.1:\(chain.first.port)", "FIRST_KEY", "-", "-",
        ])
      let json = try JSONValue(parsing: try await wfModels("--json", path: path).output).objectValue
      #expect(json?["default"] == ["first", "second"])
      let model = json?["models"]?.arrayValue?.last?.objectValue
      #expect(model?["name"] == "second" && model?["api_key_env"] == "SECOND_KEY" && model?["has_key"] == true)
      let keyless = try await wfModels(path: path, settings: [:])
      #expect(keyless.code == 0 && keyless.output.contains("FIRST_KEY (missing)"))
      #expect(chain.first.calls.isEmpty && chain.second.calls.isEmpty)
    }
  }

  @Test func `Without a file it lists the one model, and without one it says so`() async throws {
    let one = ["WF_LLM_BASE_URL": "http://u:hush@h:1/v1", "WF_LLM_MODEL": "m"]
    let listed = try await wf("models", "list", "--json", settings: one)
    #expect(listed.output.contains(#""base_url":"http://u:***@h:1/v1""#) && !listed.output.contains("hush"))
    let none = try await wf("models")
    #expect(none.code == 0 && none.error == "no model is configured: the placeholder summarizes\n")
    #expect(try await wf("models", "test").code == 78)
  }

  private static let prices = #""api_key_env":"FIRST_KEY","prices":{"input":1,"output":10}"#
  private static let answer =
    #"{"model":"m1-2026","choices":[{"message":{"content":"Bays."}}],"usage":{"prompt_tokens":30,"completion_tokens":5}}"#

  @Test func `wf models test calls each model whole and as a stream, and says what became of it`() async throws {
    try await withModelChain { chain, path in
      // Each answers later than the second model.
      let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: \(Self.answer.utf8.count)\r\n\r\n\(Self.answer)".utf8)
      chain.first.behaviour = .pieces([.pause(.milliseconds(300)), .bytes(answer)])
      chain.second.behaviour = .status(401, body: #"{"error":{"message":"bad hush-second"}}"#)
      try write(chain.file().replacing(#""api_key_env":"FIRST_KEY""#, with: Self.prices), to: path)
      let outcome = try await wfModels("test", path: path)
      #expect(outcome.code == 1)
      let rows = outcome.output.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } }
      #expect(
        rows == ["first", "first", "second", "second"], "in the order of the file, although the second is faster")
      #expect(outcome.error.contains("wf: calling first at 127.0.0.1:\(chain.first.port)\n"))
      let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(
        lines.first == ["NAME", "WAY", "RESULT", "SECONDS", "FIRST", "INPUT", "CACHED", "OUTPUT", "PRICE", "MODEL"])
      let first = lines.filter { $0.first == "first" }
      #expect(first.map { $0[1] } == ["whole", "stream"])
      #expect(first.allSatisfy { $0[2] == "ok" && Array($0[5...]) == ["30", "0", "5", "0.000080", "m1-2026"] })
      #expect(first.first?[4] == "-" && Double(first.last?[4] ?? "") != nil)
      let second = outcome.output.split(separator: "\n").filter { $0.hasPrefix("second") }
      #expect(second.count == 2)
      #expect(second.allSatisfy { $0.contains("FAILED") && $0.contains("the model answered 401 (bad") })
      #expect(chain.first.calls.map { $0.body?.objectValue?["stream"] } == [false, true])
      #expect(chain.second.calls.count == 2)
      #expect(chain.first.calls[0].headers["idempotency-key"] != chain.second.calls[0].headers["idempotency-key"])

      let unknown = try await wfModels("test", "frist", path: path)
      #expect(unknown.code == 66 && unknown.error == "wf: no model has the name frist; there are first, second\n")
    }
  }

  @Test func `wf models test prints a line of JSON for each call`() async throws {
    try await withModelChain { chain, path in
      chain.first.behaviour = .status(200, body: Self.answer)
      try write(chain.file().replacing(#""api_key_env":"FIRST_KEY""#, with: Self.prices), to: path)
      let named = try await wfModels("test", "first", "--json", path: path)
      #expect(named.code == 0)
      let ways = try named.output.split(separator: "\n").map { try JSONValue(parsing: String($0)).objectValue }
      #expect(ways.map { $0?["way"] } == ["whole", "stream"])
      for json in ways {
        #expect(json?["ok"] == true && json?["learned"] == [])
        #expect(json?["price"]?.numberValue?.double == 0.00008 && json?["latency_s"]?.numberValue != nil)
      }
      #expect(ways.first??["first_text_s"] == nil && ways.last??["first_text_s"]?.numberValue != nil)
      #expect(chain.second.calls.isEmpty)
    }
  }

  @Test func `It says which parameters a model turned out to refuse`() async throws {
    try await withModelChain { chain, path in
      chain.first.script([
        .status(400, body: #"{"error":{"message":"Unsupported value: 'temperature'","param":"temperature"}}"#)
      ])
      let outcome = try await wfModels("test", "first", path: path)
      #expect(outcome.code == 0)
      let lines = outcome.output.split(separator: "\n")
      #expect(lines.map { $0.contains("found out: no temperature") } == [false, true, false])
      let refusing = chain.file().replacing(#""model":"m1""#, with: #""model":"m1","refuses":["temperature"]"#)
      try write(refusing, to: path)
      #expect(try await wfModels("test", "first", path: path).code == 0)
      #expect(
        chain.first.calls.map { $0.body?.objectValue?["temperature"] != nil } == [true]
          + Array(repeating: false, count: 4))
    }
  }

  @Test func `A model without its key is not called, and the command fails`() async throws {
    try await withModelChain { chain, path in
      let outcome = try await wfModels("test", path: path, settings: ["FIRST_KEY": "hush-first"])
      #expect(outcome.code == 1)
      #expect(outcome.error.contains("the key of the model second: the environment variable SECOND_KEY is not set"))
      #expect(chain.first.calls.count == 2 && chain.second.calls.isEmpty)
    }
  }

  @Test func `A model without streams is called whole only`() async throws {
    try await withModelChain { chain, path in
      try write(chain.file().replacing(#""model":"m1""#, with: #""model":"m1","stream":false"#), to: path)
      let outcome = try await wfModels("test", "first", path: path)
      #expect(outcome.code == 0)
      #expect(chain.first.calls.count == 1)
    }
  }

  @Test func `A faulty file stops whatever reads it, with all faults`() async throws {
    try await withFolder { folder in
      let path = "\(folder)/models.json"
      try write(#"{"models":[{"name":"a","base_url":"h","temprature":1,"api_key":"hush"}]}"#, to: path)
      for command in [["models"], ["models", "test"], ["config"], ["api"], ["worker"], ["dev", "--", "true"]] {
        let outcome = try await wf(command, settings: ["WF_MODELS_FILE": path])
        #expect(outcome.code == 78, "\(command)")
        let lines = outcome.error.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.hasPrefix("wf: \(path): models[0].") })
        #expect(!outcome.error.contains("hush"))
      }
      #expect(
        try await wf("doctor", settings: ["WF_MODELS_FILE": path]).output.contains("FAILED   \(path): models[0]."))
    }
  }

  @Test func `Without a key no worker starts, but the API does`() async throws {
    try await withModelChain { chain, path in
      let settings = ["WF_MODELS_FILE": path, "FIRST_KEY": "hush-first"]
      for command in [["worker"], ["dev", "--", "true"]] {
        let outcome = try await wf(command, settings: settings)
        #expect(outcome.code == 78, "\(command)")
        #expect(
          outcome.error
            == "wf: WF_MODELS_FILE: the key of the model second: the environment variable SECOND_KEY is not set\n")
      }
      let config = try await wf("config", settings: settings)
      #expect(config.code == 0 && config.output.contains("WF_MODELS_FILE=\(path)"))
      #expect(config.error.contains("the environment variable SECOND_KEY is not set"))
      try await Stack.with(.init(workers: 0, settings: settings)) { stack in
        for (model, status) in [("second", 202), ("third", 422)] {
          let body =
            #"{"run_name":"r","steps":[{"id":"s","op":"llm_summarize","params":{"source":"a","model":"\#(model)"}}]}"#
          let answer = try await stack.post(body)
          #expect(answer.status == status)
        }
      }
    }
  }

  @Test func `wf doctor asks each model`() async throws {
    try await withModelChain { chain, path in
      chain.second.behaviour = .status(500)
      let outcome = try await wf("doctor", settings: ["WF_MODELS_FILE": path].merging(ModelChain.keys) { $1 })
      #expect(outcome.output.contains("ok       the model first, m1 answers"))
      #expect(outcome.output.contains("FAILED   the model second does not answer: the model answered 500"))
      #expect(!outcome.output.contains("hush"))
    }
  }

  @Test func `Credentials are read by name`() async throws {
    try await withModelChain { chain, path in
      let text = chain.file().replacing(#""api_key_env":"FIRST_KEY""#, with: #""api_key_credential":"first_key""#)
      try write(text, to: path)
      try await withFolder { folder in
        try write("hush-first\n", to: "\(folder)/first_key")
        let settings = ["CREDENTIALS_DIRECTORY": folder, "WF_MODELS_FILE": path].merging(ModelChain.keys) { $1 }
        let outcome = try await wf("models", "test", settings: settings)
        #expect(outcome.code == 0)
        #expect(chain.first.calls.first?.headers["authorization"] == "Bearer hush-first")
      }
    }
  }
}
