import Testing

@testable import WorkflowCommand

/// What is in force, where it comes from, and how it is shown.
@Suite struct SettingsTests {
  private func rows(_ environment: [String: String], _ files: [SettingsFile] = []) throws -> [String: String] {
    let rows = try Settings(SettingsReader(environment: environment, files: files)).rows
    return Dictionary(rows.map { ($0.name, "\($0.value) \($0.source)") }, uniquingKeysWith: { one, _ in one })
  }

  @Test func `The environment wins over the files, and each file over the next`() throws {
    let files = [
      SettingsFile(path: ".env", values: ["WF_LEASE_S": "2", "WF_DRAIN_S": "2"]),
      SettingsFile(path: "/etc/wf/wf.env", values: ["WF_LEASE_S": "3", "WF_DRAIN_S": "3", "WF_RETAIN_S": "3"]),
    ]
    let rows = try rows(["WF_LEASE_S": "1"], files)
    #expect(rows["WF_LEASE_S"] == "1 environment")
    #expect(rows["WF_DRAIN_S"] == "2 .env")
    #expect(rows["WF_RETAIN_S"] == "3 /etc/wf/wf.env")
    #expect(rows["WF_LOG_LEVEL"] == "info default")
  }

  @Test func `A misspelt or malformed setting of a file names the file`() throws {
    let file = SettingsFile(path: "/etc/wf/wf.env", values: ["WF_LEAES_S": "1", "WF_DRAIN_S": "soon", "OTHER": "1"])
    let invalid = #expect(throws: Settings.Invalid.self) { try rows([:], [file]) }
    #expect(invalid?.problems.count == 2)
    let text = invalid?.description ?? ""
    #expect(text.contains("WF_LEAES_S in /etc/wf/wf.env is no setting of wf; did you mean WF_LEASE_S?"))
    #expect(text.contains("WF_DRAIN_S=soon in /etc/wf/wf.env: a number of seconds"))
  }

  @Test(arguments: [
    ("https://api.example/v1", "https://api.example/v1"),
    ("https://user:s3cret@api.example/v1", "https://user:***@api.example/v1"),
    ("https://user:s3/c?r@et@api.example/v1", "https://user:***@api.example/v1"),
    ("https://s3cret@api.example", "https://***@api.example"),
    ("https://api.example/v1?subscription-key=s3cret", "https://api.example/v1?subscription-key=***"),
    ("https://a.example?api-version=2024&key=s3cret&s3cret#x", "https://a.example?api-version=2024&key=***&***"),
    ("user:s3cret@proxy:3128", "user:***@proxy:3128"),
    ("redis+unix://:s3cret@/run/s?db=1", "redis+unix://:***@/run/s?db=1"),
    ("", ""), ("://", "://"), ("@", "@"), ("?", "?"),
  ])
  func `No URL shows a secret`(url: String, shown: String) {
    #expect(SecretMask.url(url) == shown)
  }

  @Test func `Every setting that holds a URL is shown without its secrets, in an error too`() throws {
    let key = "?key=s3cret"
    let url = "https://user:s3cret@host\(key)"
    let good = try rows([
      "WF_LLM_BASE_URL": "https://u:s3cret@host/v1", "WF_LLM_MODEL": "m", "WF_URL": url, "WF_KEY_PREFIX": url,
      "REDIS_URL": "redis://u:s3cret@host", "WF_PROXY_ENV": "1", "https_proxy": "u:s3cret@proxy:3128",
      "WF_LLM_API_KEY": "s3cret", "WF_LLM_AUTH": "api-key",
    ])
    #expect(good["https_proxy"] == "u:***@proxy:3128 environment")
    #expect(!good.values.contains { $0.contains("s3cret") })
    for name in ["WF_LLM_BASE_URL", "REDIS_URL", "WF_LEASE_S", "WF_LLM_FALLBACK", "WF_LOG_LEVEL", "WF_MAX_BODY_BYTES"] {
      let invalid = #expect(throws: Settings.Invalid.self) { try rows([name: "ftp://u:s3cret@host\(key)"]) }
      #expect(invalid?.description.contains("s3cret") == false)
    }
    for url in ["ftp://u:s3cret@host", "https://host\(key)", "https://u:s3cret@host x"] {
      let failure = #expect(throws: CommandFailure.self) { try APIClient(url: url) }
      #expect(failure?.code == .configuration)
      #expect(failure?.description.contains("s3cret") == false)
    }
  }
}
