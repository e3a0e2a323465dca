import RedisFixture
import Testing

@testable import Hiredis

/// What is wrong with a real cluster, and what its connections need beside an address.
@Suite(.timeLimit(.minutes(5))) struct ClusterReportTests {
  @Test func `A report names all nodes, what they serve, and which do not answer`() async throws {
    let cluster = try await RedisCluster.start(replicas: 1)
    let address = try RedisAddress("redis+cluster://127.0.0.1:\(cluster.port(of: 0)),127.0.0.1:\(cluster.port(of: 1))")
    cluster.servers[1].kill()
    let report = try #require(await address.clusterReport())
    let ports = Set(report.nodes.map(\.host.port))
    #expect(ports == Set((0..<6).map(cluster.port)) && report.uncoveredSlots == 0)
    for node in report.nodes where node.host.port == cluster.port(of: 0) {
      #expect(node.slots == 5_461 && node.replicas.map(\.port) == [cluster.port(of: 3)] && node.failure == nil)
      #expect(node.seesCluster == true && "\(node.address)" == "redis://127.0.0.1:\(cluster.port(of: 0))/0")
    }
    let dead = report.nodes.first { $0.host.port == cluster.port(of: 1) }
    #expect(dead?.failure?.contains("Connection refused") == true && dead?.seesCluster == nil)
    #expect(report.node(of: "\(cluster.prefix(at: 2))x")?.port == cluster.port(of: 2))
    #expect(try await RedisAddress("redis://127.0.0.1").clusterReport() == nil)
  }

  @Test func `A cluster of which no node answers is reported as such`() async throws {
    let port = try freePort()
    let report = try #require(try await RedisAddress("redis+cluster://127.0.0.1:\(port)").clusterReport())
    #expect(report.nodes.count == 1 && report.uncoveredSlots == KeySlot.count && report.node(of: "k") == nil)
    #expect(report.nodes.first?.failure?.contains("Connection refused") == true)
  }

  @Test func `Every node is spoken to with TLS, and with the login of the address`() async throws {
    let cluster = try await RedisCluster.start(certificates: .shared)
    for server in cluster.servers { #expect(server.ask("ACL SETUSER app on '>s3cret' +@all '~*' '&*'") == "OK") }
    var address = try RedisAddress(cluster.url(login: "app:s3cret@"))
    address.tls?.authorities = TLSCertificates.shared.path("ca.pem")
    let redis = RedisConnection(address)
    for index in 0..<3 {
      let prefix = cluster.prefix(at: index)
      let routed = redis.routed(to: prefix)
      #expect(try await routed.send(["SET", "\(prefix)k", "1"]) == .status("OK"))
      #expect(try await routed.send(["CLIENT", "INFO"]).string?.contains("user=app") == true)
    }
    #expect(await address.clusterReport()?.nodes.count == 3)
  }
}
