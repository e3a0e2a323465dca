import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// Workers that cannot look for the runs of dead ones are no healthy workers.
@Suite(.timeLimit(.minutes(2))) struct RecoveryHealthTests {
  @Test(arguments: ["scan", "zrangebyscore"])
  func `while workers may not look for the runs of the dead, health says so, and so do their logs`(
    command: String
  ) async throws {
    try await Stack.with(.init(workers: 2, settings: ["WF_LEASE_S": "1"])) { stack in
      _ = try await stack.command("ACL", "SETUSER", "default", "-" + command)
      try await waitForHealth(503, stack)
      // Health may be refused the same command, and say so before a worker has its turn.
      _ = try await wait("a worker's line") {
        try ["worker-1", "worker-2"].contains { try stack.log(of: $0).contains("cannot be recovered") } ? true : nil
      }
      for worker in ["worker-1", "worker-2"] {
        let log = try stack.log(of: worker)
        #expect(log.split(separator: "\n").count { $0.contains("cannot be recovered") } <= 2 * stack.prefixes.count)
      }
      _ = try await stack.command("ACL", "SETUSER", "default", "+" + command)
      try await waitForHealth(200, stack)
      #expect(try await stack.run(Examples.example)["status"] == "finished")
    }
  }

  private func waitForHealth(_ status: Int, _ stack: Stack) async throws {
    _ = try await wait("health") { try await stack.send("GET", "/status/health").status == status ? true : nil }
  }
}
