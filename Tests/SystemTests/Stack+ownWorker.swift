import Subprocess
import SystemHarness
import SystemPackage

extension Stack {
  /// The program of the page OwnOperations, as a package builds it.
  static var ownProgram: String { FilePath(executable).removingLastComponent().appending("our-wf").string }

  /// Runs a body while a worker of that program, with an operation more, works for this stack.
  func withOwnWorker(
    settings: [String: String] = [:], _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    let all = settings.merging(["REDIS_URL": "redis+unix://\(folder)/redis.sock"]) { own, _ in own }
    let outcome = try await Subprocess.run(
      .name("setpriv"), arguments: ["--pdeathsig", "KILL", "--", Self.ownProgram, "worker"],
      environment: .ofTests(all), input: .none, output: .sequence, error: .discarded
    ) { execution in
      // The process ends whatever the body comes to, and the library is left in order.
      let failure: (any Error)?
      do {
        try await body()
        failure = nil
      } catch {
        failure = error
      }
      try? execution.send(signal: .kill)
      return failure
    }
    if let failure = outcome.closureResult { throw failure }
  }
}
