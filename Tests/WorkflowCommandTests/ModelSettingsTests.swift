import Curl
import Glibc
import Testing
import WorkflowLLM

@testable import WorkflowCommand

/// The settings of the model: what they make of it, and what stops the start.
@Suite struct ModelSettingsTests {
  private static let base = ["WF_LLM_BASE_URL": "https://api.example/v1", "WF_LLM_MODEL": "m"]

  private func settings(_ given: [String: String]) throws -> Settings {
    try Settings(SettingsReader(environment: Self.base.merging(given) { $1 }))
  }

  private func model(_ given: [String: String]) throws -> ModelDefinition? {
    try settings(given).models.catalog?.models.first
  }

  private func problems(_ given: [String: String]) -> String {
    (#expect(throws: Settings.Invalid.self) { try settings(given) })?.description ?? ""
  }

  @Test func `By default the key is a bearer token, the temperature 0.2, and the parameter is found out`() throws {
    let model = try #require(try model(["WF_LLM_API_KEY": "k"]))
    #expect(model.name == "m" && model.model == "m" && model.wire == .chatCompletions)
    #expect(model.baseURL == "https://api.example/v1")
    #expect(model.apiKey == "k" && model.keyHeader == .bearer)
    #expect(model.temperature == 0.2 && model.tokensParameter == nil)
  }

  @Test func `Each of them can be set`() throws {
    let model = try #require(
      try model([
        "WF_LLM_AUTH": "api-key", "WF_LLM_TEMPERATURE": "none", "WF_LLM_TOKENS_PARAMETER": "max_completion_tokens",
      ]))
    #expect(model.keyHeader == .apiKey && model.temperature == nil)
    #expect(model.tokensParameter == .maxCompletionTokens)
    #expect(try self.model(["WF_LLM_TEMPERATURE": "1"])?.temperature == 1)
  }

  @Test(arguments: [
    ("WF_LLM_AUTH", "basic"), ("WF_LLM_TEMPERATURE", "warm"), ("WF_LLM_TEMPERATURE", "2.1"),
    ("WF_LLM_TEMPERATURE", "nan"), ("WF_LLM_TOKENS_PARAMETER", "n_predict"), ("WF_LLM_CA_FILE", "/nonexistent"),
    ("WF_LLM_CA_FILE", "/dev/null"), ("SSL_CERT_FILE", "/nonexistent"),
  ])
  func `What none of them can be stops the start and is named`(name: String, value: String) {
    #expect(problems([name: value]).contains("\(name)=\(value)"))
  }

  @Test(arguments: ["k\n", "k\r\n", " k ", "\tk", "k\u{a0}"]) func `White space around a key is no part of it`(
    key: String
  ) throws {
    #expect(try model(["WF_LLM_API_KEY": key, "WF_LLM_MODEL": " m\r"])?.apiKey == "k")
    #expect(try model(["WF_LLM_API_KEY": key, "WF_LLM_MODEL": " m\r"])?.model == "m")
  }

  @Test(arguments: ["x y", "a\nb", "a\rb", "a\u{0}b", "“a”", "Bearer a", "a\u{200b}"])
  func `What cannot be a key stops the start, and is not repeated`(key: String) {
    let problems = problems(["WF_LLM_API_KEY": key])
    #expect(problems.contains("WF_LLM_API_KEY"))
    #expect(!problems.contains(key))
  }

  @Test(arguments: ["https://h/v1#x", "https://h/v 1", "https://", "h/v1", "https://h/v1/completions", "ftp://h/v1"])
  func `A URL that can never work stops the start`(url: String) {
    #expect(problems(["WF_LLM_BASE_URL": url]).contains("WF_LLM_BASE_URL="))
  }

  @Test func `A user in the URL and a bearer token exclude each other`() throws {
    let url = "https://me:pw@h/v1"
    #expect(problems(["WF_LLM_BASE_URL": url, "WF_LLM_API_KEY": "k"]).contains("exclude each other"))
    #expect(try model(["WF_LLM_BASE_URL": url])?.baseURL == url)
    #expect(try model(["WF_LLM_BASE_URL": url, "WF_LLM_API_KEY": "k", "WF_LLM_AUTH": "api-key"]) != nil)
  }

  @Test func `Authorities are those of the setting, else those that OpenSSL and curl would trust`() throws {
    let file = "/tmp/wf-authorities-\(getpid()).pem"
    #expect(system("echo '-----BEGIN CERTIFICATE-----' > \(file)") == 0)
    defer { unlink(file) }
    for name in ["WF_LLM_CA_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"] {
      #expect(try settings([name: file]).httpClientConfiguration.authoritiesFile == file)
    }
    #expect(try settings(["WF_LLM_CA_FILE": file, "SSL_CERT_FILE": "/nonexistent"]).authorities == file)
    #expect(try settings([:]).authorities == nil)
    // Without a model there is nothing to trust anybody for.
    #expect(try Settings(SettingsReader(environment: ["SSL_CERT_FILE": "/nonexistent"])).models.catalog == nil)
  }
}
