import Curl
import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// Servers that others have made and people use, from PyPI: what they answer, and what becomes of it.
@Suite(.enabled(if: RealModels.servers.isInstalled, "make test installs the servers into .build/models-venv"))
struct RealModelTests {
  private func withStack(
    on url: String, _ body: @escaping @Sendable (Stack) async throws -> Void
  ) async throws {
    try await Stack.with(.init(settings: ["WF_LLM_BASE_URL": url, "WF_LLM_MODEL": "tiny"]), body)
  }

  @Test func `llama.cpp and llmock are understood, and llmock finds nothing wrong with how they are asked`()
    async throws
  {
    try await RealModels.servers.run { urls in
      try await thinking(try #require(urls["thinking"]))
      try await plain(try #require(urls["plain"]))
      try await llmock(try #require(urls["llmock"]))
    }
  }

  /// llama.cpp with a model that spends all its tokens on reasoning: `content` is "" and `reasoning_content` is not.
  private func thinking(_ url: String) async throws {
    try await withStack(on: url) { stack in
      let status = try await stack.run(Examples.example)
      #expect(status.at("result", "outputs", "llm", "provider") == "placeholder")
      #expect(status["degraded"] == true)
      let fallback = try #require(status.fallback)
      #expect(fallback["error_code"] == "invalid_answer")
      let error = try #require(fallback["error"]?.stringValue)
      #expect(error.contains("finish_reason length") && error.contains("only reasoning came"))
      #expect(fallback["usage"]?.objectValue?["completion_tokens"] == 100)
    }
  }

  /// llama.cpp with a model that talks, and with a prompt that is longer than its context.
  private func plain(_ url: String) async throws {
    try await withStack(on: url) { stack in
      let status = try await stack.run(Examples.example)
      #expect(status.at("result", "outputs", "llm", "provider") == "openai")
      #expect(status.at("result", "outputs", "llm", "finish_reason") == "length")
      #expect(status.at("result", "outputs", "llm", "model") == "plain.gguf")
      #expect(status["degraded"] == nil)

      let text = String(repeating: "a fjord ", count: 500)
      let long = try await stack.run([
        "run_name": "long", "inputs": ["text": .string(text)],
        "steps": [["id": "pre", "op": "preprocess"], ["id": "llm", "op": "llm_summarize", "needs": ["pre"]]],
      ])
      #expect(long.fallback?["error"] == "the model answered 400")
      #expect(try stack.log(of: "worker-1").contains("exceeds the available context size"))
    }
  }

  /// llmock, which looks at each try and its time.
  private func llmock(_ url: String) async throws {
    let control = LLMock(url)
    try await withStack(on: url) { stack in
      _ = try await control.ask(
        "/scenario",
        [
          "behaviors": [
            ["type": "fail", "status": 429, "retry_after": 1, "times": 2], ["type": "fail", "status": 503, "times": 2],
          ]
        ])
      let status = try await stack.run(Examples.example)
      #expect(status.at("result", "outputs", "llm", "provider") == "openai")
      _ = try await control.ask(
        "/scenario", ["behaviors": [["type": "fail", "status": 401], ["type": "reply", "text": ""]]])
      for text in ["one", "two"] {
        let refused = try await stack.run([
          "run_name": "r", "inputs": ["text": .string(text)],
          "steps": [["id": "pre", "op": "preprocess"], ["id": "llm", "op": "llm_summarize", "needs": ["pre"]]],
        ])
        #expect(refused.at("result", "outputs", "llm", "provider") == "placeholder")
      }
      let verdict = try await control.ask("/verdict")
      #expect(verdict["passed"] == true)
      #expect(verdict["attempts"] == 7)
      #expect(verdict["findings"] == [])
    }
  }
}

extension JSONObject {
  /// The progress entry that says why the placeholder spoke.
  fileprivate var fallback: JSONObject? {
    self["progress"]?.arrayValue?.compactMap(\.objectValue).first { $0["msg"] == "llm_fallback" }
  }
}

/// Model servers from PyPI, in a virtual environment of their own.
struct RealModels {
  /// llama.cpp's server and llmock.
  static let servers = RealModels(environment: "models-venv", script: "servers.py")
  /// LiteLLM's proxy in front of llmock.
  static let litellm = RealModels(environment: "models-venv-litellm", script: "litellm_server.py")

  private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
  private let folder: String
  private let script: String

  private init(environment: String, script: String) {
    folder = RealModels.root + "/.build/" + environment
    self.script = RealModels.root + "/Tests/RealModels/" + script
  }

  /// Whether the Makefile has installed them, for the Python of this system: the folder may be another system's.
  var isInstalled: Bool {
    access(folder + "/installed", F_OK) == 0 && system("\(folder)/bin/python -c 'import llmock' 2> /dev/null") == 0
  }

  /// Runs a body while they serve.
  /// - Parameter body: is given their base URLs by name.
  func run(_ body: @escaping @Sendable ([String: String]) async throws -> Void) async throws {
    var options = PlatformOptions()
    options.processGroupID = 0
    _ = try await Subprocess.run(
      .path(FilePath(folder + "/bin/python")), arguments: [script], platformOptions: options,
      input: .inputWriter, output: .sequence, error: .discarded
    ) { execution in
      var urls: [String: String] = [:]
      for try await line in execution.standardOutput.strings() {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        if words == ["ready"] { break }
        if words.count == 2 { urls[words[0]] = words[1] }
      }
      try await body(urls)
      try await execution.standardInputWriter.finish()
    }
  }
}

/// llmock's own interface, by which it is told to fail and says what it saw.
struct LLMock {
  private let url: String
  private let client = HTTPClient()

  /// - Parameter base: the base URL of its completions.
  init(_ base: String) { url = base.replacing("/v1", with: "/_llmock") }

  /// Reads a path, or posts to it.
  func ask(_ path: String, _ body: JSONValue? = nil) async throws -> JSONObject {
    let response = try await client.send(
      HTTPRequest(
        method: body == nil ? "GET" : "POST", url: url + path, headers: [("Content-Type", "application/json")],
        body: body?.bytes))
    #expect(response.status < 300)
    return try response.json
  }
}
