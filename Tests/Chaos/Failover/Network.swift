import Glibc
import RedisFixture
import SystemHarness

/// Three hosts on this machine, each a network namespace (network_namespaces(7)) with two links: `hosts` leads to the
/// other hosts and can be cut, `world` leads to the models.
///
/// This process is in the middle, in a network namespace that is its alone: the kernel removes all of it when this
/// process has ended, however it ends.
final class Network: Sendable {
  /// The numbers of the hosts.
  static let hosts = 1...3
  /// This process, as the hosts see it.
  static let world = "10.78.0.254"
  /// The processes that keep the namespaces, by host.
  private let keepers: [Int: pid_t]

  /// Makes the hosts and their links.
  init() async throws {
    guard try await Shell.run("ip", ["-o", "link"]).split(separator: "\n").count == 1 else {
      throw StackFailure("--failover changes the network: run it as root by make chaos, in a namespace for it alone")
    }
    try await Shell.run(
      """
      ip link set lo up
      ip link add hosts type bridge; ip address add 10.77.0.254/24 dev hosts; ip link set hosts up
      ip link add world type bridge; ip address add \(Network.world)/24 dev world; ip link set world up
      """)
    var keepers: [Int: pid_t] = [:]
    for host in Network.hosts {
      let keeper = Spawner.shared.spawn(["/usr/bin/unshare", "--net", "/usr/bin/sleep", "infinity"])
      try await Network.connect(host, in: keeper)
      keepers[host] = keeper
    }
    self.keepers = keepers
  }

  deinit {
    for keeper in keepers.values {
      kill(keeper, SIGKILL)
      waitpid(keeper, nil, 0)
    }
  }

  private static func connect(_ host: Int, in keeper: pid_t) async throws {
    let own = try await Shell.run("readlink", ["/proc/self/ns/net"])
    _ = try await wait("the namespace of host \(host)") { () -> Bool? in
      let its = try? await Shell.run("readlink", ["/proc/\(keeper)/ns/net"])
      return its == nil || its == own ? nil : true
    }
    let inside = "nsenter --net=/proc/\(keeper)/ns/net ip"
    try await Shell.run(
      """
      ip link add hosts-\(host) type veth peer name hosts netns \(keeper)
      ip link add world-\(host) type veth peer name world netns \(keeper)
      ip link set hosts-\(host) master hosts up
      ip link set world-\(host) master world up
      \(inside) link set lo up
      \(inside) address add \(address(of: host))/24 dev hosts
      \(inside) address add 10.78.0.\(host)/24 dev world
      \(inside) link set hosts up
      \(inside) link set world up
      """)
  }

  /// The address of a host for the other hosts.
  static func address(of host: Int) -> String { "10.77.0.\(host)" }

  /// The file that names the namespace of a host.
  func namespace(of host: Int) -> String { "/proc/\(keepers[host] ?? 0)/ns/net" }

  /// Cuts a host off from the others, in both directions: what is sent is lost, and no side is told.
  func cut(_ host: Int) async throws { try await Shell.run("ip link set hosts-\(host) down") }

  /// Ends a cut.
  func join(_ host: Int) async throws { try await Shell.run("ip link set hosts-\(host) up") }
}
