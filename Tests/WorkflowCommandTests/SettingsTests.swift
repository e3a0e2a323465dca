import Hiredis
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

  @Test func `The files for TLS belong to an address with TLS, and certificate and key to each other`() throws {
    let files = ["REDIS_TLS_CA_FILE": "/ca", "REDIS_TLS_CERT_FILE": "/cert", "REDIS_TLS_KEY_FILE": "/key"]
    let settings = try Settings(
      SettingsReader(environment: files.merging(["REDIS_URL": "rediss://:s3cret@h"]) { $1 }, files: []))
    var tls = RedisTLS()
    (tls.authorities, tls.certificate, tls.key) = ("/ca", "/cert", "/key")
    #expect(settings.redis.tls == tls)
    #expect(settings.rows.contains { $0.name == "REDIS_URL" && $0.value == "rediss://:***@h:6379/0" })
    let plain = #expect(throws: Settings.Invalid.self) { try rows(files.merging(["REDIS_URL": "redis://h"]) { $1 }) }
    #expect(plain?.problems.count == 3)
    #expect(plain?.description.contains("REDIS_TLS_CA_FILE is set, but REDIS_URL has no TLS: write rediss://") == true)
    for (name, other) in [("CERT", "KEY"), ("KEY", "CERT")] {
      let half = ["REDIS_URL": "rediss://h", "REDIS_TLS_\(name)_FILE": "/x"]
      let invalid = #expect(throws: Settings.Invalid.self) { try rows(half) }
      #expect(invalid?.description.contains("is set without REDIS_TLS_\(other)_FILE: set both") == true)
    }
  }

  @Test func `The key of a client certificate may be a credential`() throws {
    let environment = ["REDIS_URL": "rediss://h", "REDIS_TLS_CERT_FILE": "/cert"]
    let reader = SettingsReader(
      environment: environment, files: [], credentials: [:], credentialFiles: ["redis_tls_key": "/run/key"])
    #expect(try Settings(reader).redis.tls?.key == "/run/key")
  }

  @Test func `A misspelt or malformed setting of a file names the file`() throws {
    let file = SettingsFile(path: "/etc/wf/wf.env", values: ["WF_LEAES_S": "1", "WF_DRAIN_S": "soon", "OTHER": "1"])
    let invalid = #expect(throws: Settings.Invalid.self) { try rows([:], [file]) }
    #expect(invalid?.problems.count == 2)
    let text = invalid?.description ?? ""
    #expect(text.contains("WF_LEAES_S in /etc/wf/wf.env is no setting of wf; did you mean WF_LEASE_S?"))
    #expect(text.contains("WF_DRAIN_S=soon in /etc/wf/wf.env: a number of seconds"))
  }

  @Test func `A misspelt address of Redis is refused in wf's own file alone`() throws {
    let own = SettingsFile(path: "/etc/wf/wf.env", values: ["REDIS_ULR": "redis://h", "REDIS_TLS_PORT": "1"])
    let invalid = #expect(throws: Settings.Invalid.self) { try rows([:], [own]) }
    #expect(invalid?.problems.count == 1)
    #expect(invalid?.description.contains("REDIS_ULR in /etc/wf/wf.env is no setting of wf") == true)
    #expect(invalid?.description.contains("did you mean REDIS_URL?") == true)
    var shared = own
    shared.isShared = true
    #expect(throws: Never.self) { try rows(["REDIS_ULR": "redis://h"], [shared]) }
  }

  /// A setting of each kind that is wrong, in the order of the page's table.
  private static let wrong = [
    ("REDIS_URL", "http://h"), ("WF_LLM_BASE_URL", "ftp://h"), ("WF_LLM_MODEL", "a\u{1}b"), ("WF_LLM_API_KEY", "a b"),
    ("WF_LLM_AUTH", "x"), ("WF_LLM_CA_FILE", "/nonexistent"), ("WF_LLM_MODELS", ","), ("WF_ALLOW_ANONYMOUS", "2"),
    ("WF_LEASE_S", "soon"), ("WF_MAX_BODY_BYTES", "1"), ("WF_LOG_LEVEL", "loud"), ("WF_URL", "http://h?x"),
  ]

  @Test func `All faults are told at once, in the order of the page's table`() throws {
    let environment = Dictionary(uniqueKeysWithValues: SettingsTests.wrong)
    for names in [environment.keys.sorted(), environment.keys.sorted().reversed()] {
      let given = Dictionary(uniqueKeysWithValues: names.map { ($0, environment[$0] ?? "") })
      let invalid = #expect(throws: Settings.Invalid.self) { try rows(given) }
      #expect(invalid?.problems.map { $0.prefix { $0 != "=" && $0 != ":" } } == SettingsTests.wrong.map { $0.0[...] })
    }
    // What is missing is at the place of the setting that is to be set.
    let lonely = #expect(throws: Settings.Invalid.self) {
      try rows(["WF_LLM_BASE_URL": "https://h/v1", "WF_LLM_CA_FILE": "/nonexistent", "WF_LLM_API_KEY": "a b"])
    }
    #expect(lonely?.problems.count == 3)
    #expect(lonely?.problems.first?.hasPrefix("WF_LLM_BASE_URL needs WF_LLM_MODEL") == true)
  }

  @Test func `The faults of files are among the others, each in its place`() throws {
    let (values, faults) = DotEnvFile.parse("WF_URL\nWF_DRAIN_S=x\nREDIS_URL: y\nWF_LEASE-S=1\n", allowsExport: true)
    let file = SettingsFile(path: ".env", values: values, faults: faults.map { ($0.name, "line \($0.line)") })
    let invalid = #expect(throws: Settings.Invalid.self) { try rows(["WF_RETAIN_S": "x", "WF_NONE": "1"], [file]) }
    let problems = invalid?.problems ?? []
    #expect(problems.count == 6)
    for (problem, start) in zip(
      problems, ["line 3", "WF_DRAIN_S=x in .env", "WF_RETAIN_S=x", "line 1", "line 4", "WF_NONE is no setting"])
    { #expect(problem.hasPrefix(start)) }
  }

  @Test func `The table of the page SettingsReference names every setting, in this order`() throws {
    let table = try Tree.table(headed: "setting", in: Tree.page("SettingsReference"))
    let names = table.flatMap { Tree.codeSpans(in: $0[0]) }
    #expect(names == SettingNames.all)
    #expect(Set(try rows([:]).keys).isSuperset(of: names.filter { $0 != "WF_LLM_CA_FILE" }))
  }

  @Test func `A password under a name that wf does not read is named, unless it can be another program's`() throws {
    let hint = "REDIS_PASSWORD is no setting of wf; did you mean REDIS_PASSWORD_FILE or REDIS_URL?"
    let invalid = #expect(throws: Settings.Invalid.self) { try rows(["REDIS_PASSWORD": "s3cret"]) }
    #expect(invalid?.problems == [hint])
    let file = SettingsFile(path: "/etc/wf/wf.env", values: ["REDIS_PASSWORD": "s3cret"])
    #expect(throws: Settings.Invalid.self) { try rows([:], [file]) }
    _ = try rows(["REDIS_PASSWORD": "x", "REDIS_URL": "redis://:y@h"])
    _ = try rows(["REDIS_PASSWORD": "x", "REDIS_PASSWORD_FILE": "/f"])
    _ = try rows([:], [SettingsFile(path: ".env", values: ["REDIS_PASSWORD": "x"], isShared: true)])
  }

  @Test func `The login at sentinels is a password or its file, and a user where they have users`() throws {
    let shown = try rows([
      "REDIS_URL": "redis+sentinel://u:s3cret@a,b/main", "REDIS_SENTINEL_USERNAME": "app",
      "REDIS_SENTINEL_PASSWORD": "s3cret",
    ])
    #expect(shown["REDIS_URL"] == "redis+sentinel://u:***@a:26379,b:26379/main/0 environment")
    #expect(!shown.values.contains { $0.contains("s3cret") })
    let faults = [
      (["REDIS_SENTINEL_USERNAME": "app"], "REDIS_SENTINEL_USERNAME is set without a password"),
      (["REDIS_SENTINEL_PASSWORD": "x", "REDIS_SENTINEL_PASSWORD_FILE": "/f"], "are both set: keep one of them"),
      (["REDIS_URL": "redis+sentinel://a,b"], "sentinel monitor NAME"), (["WF_WAIT_REPLICAS": "17"], "from 0 to 16"),
    ]
    for (settings, problem) in faults {
      let invalid = #expect(throws: Settings.Invalid.self) { try rows(settings) }
      #expect(invalid?.problems.count == 1 && invalid?.description.contains(problem) == true)
    }
  }

  @Test(arguments: ["http://h?x", "http://h#x", "http://", "http:///x", "h", "ftp://h", "http://h x", "HTTP//h"])
  func `A URL that leads to no API stops the start`(url: String) {
    let invalid = #expect(throws: Settings.Invalid.self) { try rows(["WF_URL": url]) }
    #expect(invalid?.description.hasPrefix("WF_URL=") == true)
  }

  @Test(arguments: [
    "REDIS_URL", "WF_LLM_BASE_URL", "WF_LLM_AUTH", "WF_LLM_CA_FILE", "WF_LLM_MODELS", "WF_LEASE_S", "WF_MAX_RUN_BYTES",
    "WF_PARTITIONS", "WF_LOG_LEVEL", "WF_URL",
  ])
  func `An error repeats the beginning of a long value`(name: String) throws {
    let long = "redis+unix:///" + String(repeating: "ä,,", count: 200)
    let model = ["WF_LLM_BASE_URL": "https://h/v1", "WF_LLM_MODEL": "m"]
    let invalid = #expect(throws: Settings.Invalid.self) { try rows(model.merging([name: long]) { $1 }) }
    let problem = try #require(invalid?.problems.first)
    #expect(problem.hasPrefix(name) && problem.contains("…"))
    #expect(problem.utf8.count < 400)
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
    let url = "https://user:s3cret@host"
    let good = try rows([
      "WF_LLM_BASE_URL": "https://u:s3cret@host/v1", "WF_LLM_MODEL": "m", "WF_URL": url, "WF_KEY_PREFIX": url + key,
      "REDIS_URL": "redis://u:s3cret@host", "WF_PROXY_ENV": "1", "https_proxy": "u:s3cret@proxy:3128",
      "WF_LLM_API_KEY": "s3cret", "WF_LLM_AUTH": "api-key",
    ])
    #expect(good["https_proxy"] == "u:***@proxy:3128 environment")
    #expect(!good.values.contains { $0.contains("s3cret") })
    for name in [
      "WF_LLM_BASE_URL", "REDIS_URL", "WF_URL", "WF_LEASE_S", "WF_LLM_FALLBACK", "WF_LOG_LEVEL", "WF_MAX_BODY_BYTES",
    ] {
      let invalid = #expect(throws: Settings.Invalid.self) { try rows([name: "ftp://u:s3cret@host\(key)"]) }
      #expect(invalid?.description.contains("s3cret") == false)
    }
    for url in ["ftp://u:s3cret@host", "https://host\(key)", "https://u:s3cret@host x"] {
      let failure = #expect(throws: CommandFailure.self) { try APIClient(.init(url: url)) }
      #expect(failure?.code == .configuration)
      #expect(failure?.description.contains("s3cret") == false)
    }
  }
}
