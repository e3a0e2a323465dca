import Glibc
import RedisFixture
import Testing

@testable import Hiredis

/// What may be wrong with TLS is said, with what to do.
@Suite(.timeLimit(.minutes(5))) struct TLSFaultTests {
  private let log = LogEvents()

  /// What a connection says while it cannot be made, once the server listens.
  private func failure(_ address: RedisAddress) async throws -> (reason: String, remedy: String?) {
    let connection = RedisConnection(address, limits: .talkative, log: log)
    defer { connection.close() }
    while connection.failure?.reason.hasPrefix("cannot connect") != false {
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(connection.generation == 0)
    return try #require(connection.failure)
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `A certificate of another host is refused`(host: String) async throws {
    let redis = try TLSServer(certificate: "elsewhere")
    let failure = try await failure(redis.address(host))
    #expect(failure.reason == "the server's certificate is not for \(host)")
    #expect(failure.remedy?.contains("set REDIS_URL to a name that the certificate has") == true)
  }

  @Test func `A certificate of an authority that is not trusted is refused`() async throws {
    let redis = try TLSServer()
    let other = try await failure(redis.address(authorities: "other.pem"))
    #expect(other.reason.hasPrefix("the server's certificate is of an authority that is not trusted ("))
    #expect(other.remedy?.hasSuffix("other.pem (REDIS_TLS_CA_FILE)") == true)
    let system = try await failure(redis.address(authorities: nil))
    #expect(system.reason.hasPrefix("the server's certificate is of an authority that is not trusted ("))
    #expect(system.remedy == "set REDIS_TLS_CA_FILE to a file with the certificate of its authority")
  }

  @Test func `A certificate that has expired is refused`() async throws {
    let redis = try TLSServer(certificate: "expired")
    let failure = try await failure(redis.address())
    #expect(failure == ("the server's certificate has expired", "renew it on the server"))
    #expect(await log.line(containing: "Redis refuses: the server's certificate has expired") != nil)
  }

  @Test func `A server that wants a client certificate says so`() async throws {
    let redis = try TLSServer(asksClients: true)
    let without = try await failure(redis.address())
    #expect(without.reason == "the server asks for a client certificate")
    #expect(without.remedy?.contains("set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE") == true)
    let stranger = try await failure(redis.address(client: "stranger"))
    #expect(stranger.reason.hasPrefix("the server refuses the client certificate: "))
    #expect(stranger.remedy?.contains("tls-ca-cert-file") == true)
  }

  @Test func `A port without TLS is named as one, and so is a port with TLS`() async throws {
    let port = try freePort()
    let plain = RedisServer(isRunning: true, ["--port", "\(port)", "--bind", "127.0.0.1"])
    let redis = try TLSServer()
    // A Redis without TLS waits for the end of a line.
    let encrypted = try await failure(redis.address(port: port))
    #expect(encrypted.reason.hasPrefix("no TLS handshake within 2.0 seconds: the server hangs, or speaks no TLS"))
    let unencrypted = try await failure(RedisAddress("redis://localhost:\(redis.port)"))
    #expect(unencrypted.reason.hasSuffix("or speaks TLS at this port (then write rediss:// in REDIS_URL)"))
    withExtendedLifetime(plain) {}
  }

  @Test func `A server that answers TLS with something else, or a command with TLS, is named as one`() async throws {
    let redis = try TLSServer()
    let plain = try FixedAnswer(Array("-ERR unknown command\r\n".utf8))
    let encrypted = try await failure(redis.address(port: plain.port))
    #expect(encrypted.reason == "the server speaks no TLS at this port")
    #expect(encrypted.remedy?.contains("tls-port") == true)
    // The alert protocol_version.
    let other = try FixedAnswer([0x15, 3, 1, 0, 2, 2, 70])
    let unencrypted = try await failure(RedisAddress("redis://localhost:\(other.port)"))
    #expect(unencrypted.reason == "the server speaks TLS at this port")
    #expect(unencrypted.remedy?.hasPrefix("write rediss:// in REDIS_URL") == true)
    // The same within the handshake of TLS.
    let old = try await failure(redis.address(port: other.port))
    #expect(old.reason == "the server speaks no TLS 1.2 or newer")
    withExtendedLifetime((plain, other)) {}
  }

  @Test func `A server whose TLS is older than 1-2 is refused`() async throws {
    let redis = try TLSServer()
    let port = try freePort()
    let old = OpenSSLServer(port: port, redis.certificates, settings: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    let connection = RedisConnection(try redis.address(port: port), limits: .talkative, log: log)
    // The server may not listen yet at the first attempt.
    let line = await log.line(containing: "the server speaks no TLS 1.2 or newer; allow TLSv1.2 or TLSv1.3 there")
    #expect(line?.contains("Redis refuses: ") == true)
    connection.close()
    old.stop()
  }

  @Test func `Files that cannot be used are named, with their settings`() async throws {
    let redis = try TLSServer(asksClients: true)
    let authorities = try await failure(redis.address(authorities: "none.pem"))
    #expect(authorities.reason.hasSuffix("none.pem: No such file or directory"))
    #expect(authorities.remedy?.contains("REDIS_TLS_CA_FILE") == true)
    let certificate = try await failure(redis.address(client: "none"))
    #expect(certificate.reason.hasPrefix("cannot use the client certificate in "))
    #expect(certificate.remedy?.contains("REDIS_TLS_CERT_FILE") == true)
    for (key, cause) in [("server", "key values mismatch"), ("encrypted", ""), ("none", "No such file")] {
      var address = try redis.address(client: "client")
      address.tls?.key = redis.certificates.path("\(key).key")
      let failure = try await failure(address)
      #expect(failure.reason.hasPrefix("cannot use the key in "))
      #expect(failure.reason.contains(cause))
      #expect(failure.remedy?.contains("REDIS_TLS_KEY_FILE") == true)
    }
  }

  @Test func `A file that is put right is read without a restart`() async throws {
    let redis = try TLSServer()
    var address = try redis.address()
    let file = "/tmp/wf-authorities-\(UInt64.random(in: .min ... .max)).pem"
    defer { unlink(file) }
    address.tls?.authorities = file
    let connection = RedisConnection(address, limits: .talkative, log: log)
    #expect(await log.line(containing: "cannot use the authorities' certificates in \(file)") != nil)
    #expect(symlink(redis.certificates.path("ca.pem"), file) == 0)
    #expect(try await connection.send(["PING"]) == .status("PONG"))
    connection.close()
  }
}
