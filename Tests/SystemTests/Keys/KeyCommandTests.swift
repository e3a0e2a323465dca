import ExactJSON
import Glibc
import SystemHarness
import Testing

/// The commands of `wf` and an API that wants keys.
@Suite(.timeLimit(.minutes(3))) struct KeyCommandTests {
  @Test func `The commands send the key of the setting, and say what is wrong without one`() async throws {
    try await KeyStack.with { keys in
      let url = ["WF_URL": keys.stack.url]
      let none = try await wf("run", "--example", settings: url.merging(["WF_API_KEY": ""]) { $1 })
      #expect(none.code == 77 && none.error.contains("WF_API_KEY"))
      let alice = url.merging(["WF_API_KEY": "key-alice"]) { $1 }
      let run = try await wf("run", "--example", settings: alice)
      #expect(run.code == 0 && run.output.contains("\"run_name\""))
      for arguments in [["schedules"], ["list", "--dead"]] {
        let good = try await wf(arguments, settings: alice)
        #expect(good.code == 0, "\(arguments)")
        let wrong = try await wf(arguments, settings: url.merging(["WF_API_KEY": "wrong"]) { $1 })
        #expect(wrong.code == 77, "\(arguments)")
        #expect(!wrong.error.contains("wrong"))
      }
      let read = try await wf("run", "--example", settings: url.merging(["WF_API_KEY": "key-alice-read"]) { $1 })
      #expect(read.code == 77 && read.error.contains("its role is read"))
      let shown = try await wf("config", settings: alice)
      #expect(shown.code == 0 && !shown.output.contains("key-alice") && shown.output.contains("WF_API_KEY=****"))
    }
  }

  @Test func `A credential of systemd is the key, too`() async throws {
    try await KeyStack.with { keys in
      try await withFolder { folder in
        system("echo key-alice > \(folder)/api_key")
        let settings = ["WF_URL": keys.stack.url, "WF_API_KEY": "", "CREDENTIALS_DIRECTORY": folder]
        let outcome = try await wf("schedules", settings: settings)
        #expect(outcome.code == 0)
      }
    }
  }

  @Test(arguments: [
    "http://wf.example.org", "http://10.0.0.1:8000", "http://127.0.0.1.example.org", "http://user@127.0.0.1:8000",
    "http://localhost.example.org/",
  ])
  func `A key is not sent without TLS beyond this host`(url: String) async throws {
    let outcome = try await wf("schedules", settings: ["WF_URL": url, "WF_API_KEY": "wf_secret"])
    #expect(outcome.code == 78)
    #expect(outcome.error.contains("WF_API_KEY") && !outcome.error.contains("wf_secret"))
  }
}
