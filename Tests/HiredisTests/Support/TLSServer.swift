import Glibc
import RedisFixture
import Testing

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
    server = RedisServer(isRunning: false)
    start()
  }

  /// Starts it, also after it was killed, and waits until it listens.
  func start() {
    server.start(settings)
    let deadline = ContinuousClock.now + timeout
    while !isListening {
      guard .now < deadline else {
        Issue.record("no Redis listens at port \(port): \(server.account)")
        return
      }
      usleep(1_000)
    }
  }

  private var isListening: Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: port)
    return with(&address) { connect(descriptor, $0, $1) } == 0
  }

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
