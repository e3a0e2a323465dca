/// Where the stack runs: on one host with a Redis, or spread over several with servers that take over from each other.
struct Site: Sendable {
  /// The servers; nil for one Redis.
  let topology: (any Topology)?
  /// `WF_WAIT_REPLICAS`.
  let waitReplicas: Int
  /// What keeps the program alive that puts the parts on their hosts, or Redis under its clock.
  private let wrapper: ProgramWrapper

  /// One host.
  init(_ clock: ClockSteps) throws {
    topology = nil
    waitReplicas = 0
    wrapper = try .redis(clock.clock)
  }

  /// The hosts of these servers.
  init(_ topology: any Topology, waitReplicas: Int) throws {
    self.topology = topology
    self.waitReplicas = waitReplicas
    wrapper = try .placing(on: topology.network)
  }

  /// The address at which this process listens for calls from all hosts.
  var world: String { topology == nil ? "127.0.0.1" : Network.world }

  /// The `PATH` of `wf dev`.
  var path: String { wrapper.path }

  /// The workers, by the names of their parts.
  let workers = ["worker-1", "worker-2", "worker-3"]

  /// The number of the host that a part is on, if there are several: that at the end of its name.
  static func host(of part: String) -> Int? { part.split(separator: "-").last.flatMap { Int($0) } }

  /// The APIs.
  var apis: [String] { topology == nil ? ["api", "api-2"] : ["api", "api-2", "api-3"] }

  /// Those that log what becomes of runs.
  var services: [String] { workers + apis }

  /// All parts that `wf dev` keeps running.
  var parts: [String] { services + (topology == nil ? ["redis"] : []) + ["nginx"] }
}
