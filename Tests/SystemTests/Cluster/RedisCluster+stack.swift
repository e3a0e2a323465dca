import RedisFixture
import SystemHarness

extension RedisCluster {
  /// Settings of nodes that keep their data when they die.
  static let durable = ["--appendonly", "yes", "--appendfsync", "always"]

  /// The partitions that a node serves at the start, of six.
  func partitions(of server: Int) -> [Int] { (0..<6).filter { primary(of: "wf:{\($0)}:leases") == server } }
}

/// Runs a body against a stack whose runs are divided among six partitions on the nodes of a cluster.
func withStack(
  on cluster: RedisCluster, settings: [String: String] = [:], _ body: @escaping @Sendable (Stack) async throws -> Void
) async throws {
  let options = Stack.Options(workers: 2, apis: 2, settings: settings, redisURL: cluster.url(), partitions: 6)
  try await Stack.with(options, body)
}

/// The number of the partition that holds a run.
func partition(of id: String, _ stack: Stack) -> Int? {
  Int(stack.key("", ofPartition: id).dropFirst("wf:{".count).prefix { $0 != "}" })
}
