import ExactJSON
import Glibc
import SystemHarness
import Testing

/// Settings as the `wf` command takes, shows and refuses them.
@Suite struct SettingsCommandTests {
  @Test func `a misspelt or malformed setting stops the start with a sentence that names it`() async throws {
    for command in [["worker"], ["api"], ["config"], ["dev", "--", "true"]] {
      let outcome = try await wf(
        command, settings: ["WF_WORKER_RUN": "3", "WF_LEASE_S": "soon", "WF_DRAIN_S": "soon"])
      #expect(outcome.code == 78)
      let starts = ["wf: WF_LEASE_S=soon: ", "wf: WF_DRAIN_S=soon: ", "wf: WF_WORKER_RUN is no setting of wf"]
      let lines = outcome.error.split(separator: "\n")
      #expect(lines.count == starts.count)
      for (line, start) in zip(lines, starts) { #expect(line.hasPrefix(start)) }
      #expect(lines.last?.hasSuffix("did you mean WF_WORKER_RUNS?") == true)
    }
    let scheme = try await wf("config", settings: ["REDIS_URL": "https://example.org"])
    #expect(scheme.code == 78 && scheme.error.contains("redis://, rediss://, redis+unix://, redis+sentinel://"))
    let tls = try await wf("config", settings: ["REDIS_URL": "redis://example.org", "REDIS_TLS_CA_FILE": "/ca"])
    #expect(tls.code == 78 && tls.error.contains("REDIS_TLS_CA_FILE is set, but REDIS_URL has no TLS"))
  }

  private static let clientCommands = [["run", "--example"], ["watch", "1"], ["status", "1"], ["list", "--dead"]]

  @Test(arguments: clientCommands)
  func `a command that asks the API refuses only what says where the API is`(command: [String]) async throws {
    // Nothing listens there.
    let patience = command[0] == "run" ? ["--patience", "0"] : []
    let others = [
      "WF_WORKER_RUN": "3", "WF_LEASE_S": "soon", "REDIS_PASSWORD": "hush", "REDIS_URL": "rediss://x",
      "WF_URL": "http://127.0.0.1:9",
    ]
    let away = try await wf(command + patience, settings: others)
    #expect(away.code == 69 && !away.error.contains("setting"), "\(away.error)")
    let faulty = try await wf(command, settings: others.merging(["WF_URL": "http://127.0.0.1:9/?x"]) { $1 })
    #expect(faulty.code == 78)
    #expect(faulty.error.hasPrefix("wf: WF_URL=http://127.0.0.1:9/?***: "))
    #expect(faulty.error.split(separator: "\n").count == 1)
    let misspelt = try await wf(command, settings: ["WF_URI": "http://127.0.0.1:9"])
    #expect(misspelt.code == 78)
    #expect(misspelt.error == "wf: WF_URI is no setting of wf; did you mean WF_URL?\n")
  }

  @Test func `wf dev goes without the settings of another Redis, and without its password`() async throws {
    let another = [
      "REDIS_URL": "rediss://x", "REDIS_PASSWORD_FILE": "/nonexistent", "REDIS_PASSWORD": "hush",
      "REDIS_TLS_CA_FILE": "/nonexistent", "WF_URL": "x",
    ]
    let shown = #"""
      echo "$REDIS_URL ${REDIS_TLS_CA_FILE-none} ${REDIS_PASSWORD_FILE-none} ${REDIS_PASSWORD-none}"
      wf run --example
      """#
    for inFile in [false, true] {
      try await withFolder { folder in
        for (name, value) in another where inFile { system("echo '\(name)=\(value)' >> \(folder)/.env") }
        let outcome = try await wf(["dev", "--", "sh", "-c", shown], settings: inFile ? [:] : another, in: folder)
        #expect(outcome.code == 0, "\(outcome.error)")
        let line = outcome.output.prefix { $0 != "\n" }
        #expect(line.hasPrefix("redis+unix://") && line.hasSuffix(" none none none"))
        #expect(outcome.output.contains("summarize-then-store"))
      }
    }
  }

  @Test func `wf config shows what is in force and masks secrets`() async throws {
    let outcome = try await wf(
      "config",
      settings: [
        "WF_LLM_API_KEY": "hush", "WF_LLM_BASE_URL": "http://127.0.0.1:1/v1", "WF_LLM_MODEL": "m",
        "REDIS_URL": "redis://:hush@127.0.0.1:6379/2",
      ])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("WF_LEASE_S=15"))
    #expect(!outcome.output.contains("hush"))
  }

  @Test func `what steps may ask of a model is a setting, and bounded as soon as there is a model`() async throws {
    let model = ["WF_LLM_BASE_URL": "http://127.0.0.1:1/v1", "WF_LLM_MODEL": "m"]
    #expect(try await wf("config", settings: model).output.contains("WF_LLM_MAX_TOKENS=32768"))
    #expect(try await wf("config").output.contains("WF_LLM_MAX_TOKENS=1000000"))
    for wrong in ["a,,b", ",", " "] {
      let outcome = try await wf("config", settings: model.merging(["WF_LLM_MODELS": wrong]) { $1 })
      #expect(outcome.code == 78)
      #expect(outcome.error.contains("names separated by commas"))
    }
    #expect(try await wf("config", settings: ["WF_LLM_MAX_TOKENS": "1000001"]).code == 78)
  }

  @Test func `a password inside a URL is masked, also in an error`() async throws {
    for url in [
      "http://user:hush@127.0.0.1:1/v1", "ftp://user:hush@127.0.0.1/v1", "ftp://user:hush@127.0.0.1?key=hush",
    ] {
      let outcome = try await wf("config", settings: ["WF_LLM_BASE_URL": url, "WF_LLM_MODEL": "m"])
      let shown = outcome.output + outcome.error
      #expect(shown.contains("user:***@127.0.0.1"))
      #expect(!shown.contains("hush"))
    }
  }

  @Test func `a .env may hold what is not for wf, but no faulty setting of wf`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.example)
    try await withFolder { folder in
      system("printf 'export WF_URL=%s\\nsource x\\nkey: value\\n' '\(stack.url)' > \(folder)/.env")
      let outcome = try await wf("status", id, in: folder)
      #expect(outcome.code == 0)
      #expect(try JSONValue(parsing: outcome.output).objectValue?["job_id"] == .string(id))
      system("printf 'WF_DRAIN_S=9\\nWF_LEASE_S 9\\n' > \(folder)/.env")
      let faulty = try await wf("config", in: folder)
      #expect(faulty.code == 78)
      #expect(faulty.error.contains(".env, line 2: WF_LEASE_S=value is expected"))
      system("printf 'WF_LEAES_S=9\\n' > \(folder)/.env")
      let misspelt = try await wf("config", in: folder)
      #expect(misspelt.code == 78)
      #expect(misspelt.error.contains("WF_LEAES_S in .env is no setting of wf; did you mean WF_LEASE_S?"))
      // It opens, but cannot be read from.
      system("ln -sf /proc/self/mem \(folder)/.env")
      for command in [["config"], ["dev", "--", "true"]] {
        let unreadable = try await wf(command, in: folder)
        #expect(unreadable.code == 78)
        #expect(unreadable.error == "wf: .env: Input/output error\n")
      }
    }
  }

  @Test func `secrets may come as credentials of the service manager`() async throws {
    try await withFolder { folder in
      system("echo hush > \(folder)/llm_api_key; echo hush > \(folder)/redis_password")
      let outcome = try await wf(
        "config",
        settings: [
          "CREDENTIALS_DIRECTORY": folder, "WF_LLM_BASE_URL": "http://127.0.0.1:1/v1", "WF_LLM_MODEL": "m",
          "REDIS_URL": "redis://127.0.0.1:6379/0",
        ])
      #expect(outcome.code == 0)
      let key = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("WF_LLM_API_KEY=") })
      #expect(key.hasSuffix("credential"))
      #expect(outcome.output.contains("***@127.0.0.1"))
      #expect(!outcome.output.contains("hush"))
    }
  }

  @Test func `a file of Redis's password that is not there is told by wf config`() async throws {
    let outcome = try await wf("config", settings: ["REDIS_PASSWORD_FILE": "/nonexistent/password"])
    #expect(outcome.code == 78)
    #expect(outcome.output.contains("REDIS_PASSWORD_FILE=/nonexistent/password"))
    #expect(
      outcome.error == "wf: the file of Redis's password, /nonexistent/password: No such file or directory\n")
    let sentinels = try await wf(
      "config",
      settings: ["REDIS_URL": "redis+sentinel://a,b/main", "REDIS_SENTINEL_PASSWORD_FILE": "/nonexistent/password"])
    #expect(sentinels.code == 78 && sentinels.error.hasPrefix("wf: the file of the sentinels' password, /nonexistent/"))
  }
}
