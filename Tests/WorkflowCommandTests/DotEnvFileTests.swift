import Testing

@testable import WorkflowCommand

/// Files of settings: a project's `.env`, and the host's `wf.env`.
@Suite struct DotEnvFileTests {
  @Test(arguments: [
    ("WF_LEASE_S=9", "9"), ("  WF_LEASE_S = 9  ", "9"), ("export WF_LEASE_S=9", "9"), ("export\tWF_LEASE_S='9'", "9"),
    ("WF_LEASE_S=\"a b\"", "a b"), ("WF_LEASE_S=9\r\n", "9"), ("\u{feff}WF_LEASE_S=9", "9"), ("WF_LEASE_S=", ""),
    ("WF_LEASE_S='", "'"), ("# WF_LEASE_S=1\n;x\nWF_LEASE_S=9", "9"), ("WF_LEASE_S=a=b", "a=b"),
    ("WF_LEASE_S=\u{301}", "\u{301}"),
  ])
  func `A line sets a value`(text: String, value: String) {
    #expect(DotEnvFile.parse(text, allowsExport: true).values == ["WF_LEASE_S": value])
  }

  @Test(arguments: [
    "no setting", "export", "export PATH", "source other.env", "KEY: value", "=x", "-----END KEY-----", "é=1",
    "if [ -n \"$X\" ]; then", "A.B=1", "set -a", "\u{0}", "exportWF_LEASE_S",
  ])
  func `A line of another program does not stop anything`(line: String) {
    let values = DotEnvFile.parse("\(line)\nWF_LEASE_S=9\n\(line)", allowsExport: true).values
    #expect(values["WF_LEASE_S"] == "9")
  }

  @Test(arguments: ["WF_LEASE_S", "WF_LEASE_S 9", "WF_LEASE-S=9", "REDIS_URL: redis://x", "export WF_LEASE_S"])
  func `A line that names a setting of wf must set it`(line: String) {
    let error = DotEnvFile.parse("\n\(line)\n", allowsExport: true).faults.first
    #expect(error?.line == 2)
    #expect(error?.problem.contains("=value is expected") == true)
  }

  @Test func `A line that systemd ignores is refused where systemd reads the file`() {
    let error = DotEnvFile.parse("export WF_LEASE_S=9", allowsExport: false).faults.first
    #expect(error?.problem.contains("systemd ignores") == true)
    let foreign = DotEnvFile.parse("export OTHER=9", allowsExport: false)
    #expect(foreign.faults.isEmpty && foreign.values["WF_LEASE_S"] == nil)
  }
}
