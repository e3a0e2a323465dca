import ArgumentParser
import Glibc
import RedisFixture

/// `chaos`: kills the processes of a stack at random, and shows that nothing is lost.
@main
struct ChaosCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chaos", abstract: "Load on the whole stack while parts of it fail.",
    discussion: """
      Prints what was accepted and what became of it. Exits with 1 when anything was
      lost, done twice, or wrong, when a healthy run failed, or when the runs of a dead
      worker came back too late.
      """)

  @Option(help: "How long faults happen.")
  var seconds = 60

  @Option(help: "What the random choices start from. Default: a random number, which is printed.")
  var seed: UInt64?

  @Option(help: "Among how many partitions the runs are divided.")
  var partitions = TestPartitions.count

  @Option(help: "Redis on three hosts, where others take over: sentinel or cluster. Needs a network namespace.")
  var failover: Failover?

  @Option(help: "WF_WAIT_REPLICAS, with --failover. With 0 runs may be lost: how many is only told.")
  var waitReplicas = 1

  func validate() throws {
    guard (1...64).contains(partitions) else { throw ValidationError("--partitions is from 1 to 64.") }
    guard (1...86_400).contains(seconds) else { throw ValidationError("--seconds is from 1 to 86400.") }
  }

  func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    let limit = seconds + 300
    let watchdog = Task {
      try await ContinuousClock().sleep(for: .seconds(limit))
      print("chaos has not come to its end after \(limit) s")
      Glibc.exit(3)
    }
    let report = try await Chaos(
      seconds: seconds, seed: seed ?? .random(in: 0..<1 << 32), partitions: partitions, failover: failover,
      waitReplicas: waitReplicas
    ).run()
    watchdog.cancel()
    for line in report.lines { print(line) }
    if !report.isGood { throw ExitCode(1) }
  }
}

extension Failover: ExpressibleByArgument {}
