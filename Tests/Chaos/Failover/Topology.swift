import SeededRandom
import SystemHarness

/// Redis on several hosts, where others take over what one leaves.
protocol Topology: Sendable {
  /// Starts it, and waits until it is whole.
  static func start(on network: Network) async throws -> Self
  /// The hosts that its servers run on.
  var network: Network { get }
  /// What `REDIS_URL` is.
  var url: String { get }
  /// Among how many partitions the runs are divided at least.
  var partitions: Int { get }
  /// How many replicas each primary has.
  var replicas: Int { get }
  /// What an operator does with it while it serves, a few words each.
  var changes: [String] { get }
  /// Makes a change.
  func make(change: String) async throws
  /// The servers that are primaries; none while it is not clear which are.
  func primaries() async -> [HostedServer]
  /// On which host the primary of each prefix is, as the servers know it that are not on a host; nil where none knows.
  func primaries(of prefixes: [String], without host: Int) async -> [Int?]
  /// Whether all that see each other have another primary in place of a server, and follow it.
  func isReplaced(_ server: HostedServer) async -> Bool
  /// Why it is not whole: all servers run, each primary has its replicas, and all agree who is what. Nil when it is.
  func defect() async -> String?
}

extension Topology {
  /// Waits until all servers are back in their places.
  func waitUntilWhole() async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while let defect = await defect() {
      guard .now < deadline else { throw StackFailure("after 90 s \(defect)") }
      try await ContinuousClock().sleep(for: .milliseconds(200))
    }
  }
}

/// How Redis is made to fail over: `--failover`.
enum Failover: String, CaseIterable, Sendable {
  case sentinel, cluster

  /// Starts the servers.
  func start() async throws -> any Topology {
    let network = try await Network()
    switch self {
    case .sentinel: return try await SentinelTopology.start(on: network)
    case .cluster: return try await ClusterTopology.start(on: network)
    }
  }
}

/// What happens to a primary.
enum Harm: Sendable {
  /// It dies: SIGKILL; it is started again after a time.
  case kill(Duration)
  /// It stands still: SIGSTOP, later SIGCONT.
  case pause(Duration)
  /// Its host loses the link to the other hosts, for a time.
  case cut(Duration)

  /// Within this time no server notices that a primary is away.
  static let unnoticed = Duration.milliseconds(700)

  /// What it is counted as.
  var kind: String {
    switch self {
    case .kill: "SIGKILL primary"
    case .pause: "SIGSTOP primary"
    case .cut: "host of a primary cut off"
    }
  }

  /// A harm at random: one in four ends before the others have noticed.
  init(_ generator: inout SeededGenerator) {
    let isShort = Int.random(in: 0..<4, using: &generator) == 0
    let time = Duration.milliseconds(Int.random(in: isShort ? 100...600 : 1_000...7_000, using: &generator))
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<4: self = .kill(time)
    case 4..<8: self = .cut(time)
    default: self = .pause(time)
    }
  }
}
