import Glibc

/// OpenSSL's own server, for a TLS that no Redis speaks.
public final class OpenSSLServer: Sendable {
  private let process: pid_t

  /// Starts it with the certificate `server`, and with more settings such as `-tls1_1`.
  public init(port: Int, _ certificates: TLSCertificates, settings: [String]) {
    let command = [
      "/usr/bin/openssl", "s_server", "-quiet", "-accept", "127.0.0.1:\(port)", "-cert",
      certificates.path("server.pem"),
      "-key", certificates.path("server.key"),
    ]
    process = Spawner.shared.spawn(command + settings)
  }

  /// Ends it, and waits until it is gone.
  public func stop() {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }
}
