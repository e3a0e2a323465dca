import RedisFixture

@testable import Hiredis

/// A real Redis that speaks TLS at a port, and its certificates.
struct TLSServer {
  let certificates: TLSCertificates
  let port: Int
  let server: RedisServer
  private let settings: [String]

  init(certificate: String = "server", asksClients: Bool = false) throws {
    certificates = .shared
    port = try freePort()
    settings = certificates.redisSettings(port: port, certificate: certificate, asksClients: asksClients)
    server = RedisServer(isRunning: true, settings)
  }

  /// Starts it again after it was killed.
  func start() { server.start(settings) }

  /// Where it listens.
  /// - Parameters:
  ///   - authorities: the file of trusted authorities; nil for those of the system.
  ///   - client: the certificate that is shown to it.
  func address(
    _ host: String = "localhost", port other: Int? = nil, authorities: String? = "ca.pem", client: String? = nil
  ) throws -> RedisAddress {
    var address = try RedisAddress("rediss://\(host):\(other ?? port)")
    address.tls?.authorities = authorities.map(certificates.path)
    address.tls?.certificate = client.map { certificates.path("\($0).pem") }
    address.tls?.key = client.map { certificates.path("\($0).key") }
    return address
  }
}
