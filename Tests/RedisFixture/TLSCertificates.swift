import Glibc
import Synchronization

/// Certificates for tests of TLS in a folder of their own, made by `openssl`: `NAME.pem` with `NAME.key`.
///
/// `ca` is an authority, and has signed `server` (for localhost and 127.0.0.1), `elsewhere` (for another host),
/// `expired` and `client`. `other` is another authority, and has signed `stranger`.
public final class TLSCertificates: Sendable {
  private let folder: String

  /// Makes them.
  public init() {
    folder = RedisServer.makeFolder("certificates")
    let arguments = ["/bin/sh", "-ec", "cd \(folder); exec > log 2>&1; \(Self.script)"]
    let process = Spawner.shared.spawn(arguments)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    precondition(status == 0, "openssl has made no certificates: \(folder)/log says why")
  }

  deinit { RedisServer.removeFolder(folder) }

  /// The path of a file, such as `ca.pem`.
  public func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Settings of a Redis that speaks TLS.
  /// - Parameters:
  ///   - certificate: its own.
  ///   - asksClients: whether it takes only clients with a certificate that `ca` has signed.
  public func redisSettings(port: Int, certificate: String = "server", asksClients: Bool = false) -> [String] {
    [
      "--tls-port", "\(port)", "--bind", "127.0.0.1", "--tls-cert-file", path("\(certificate).pem"), "--tls-key-file",
      path("\(certificate).key"), "--tls-ca-cert-file", path("ca.pem"), "--tls-auth-clients",
      asksClients ? "yes" : "no",
    ]
  }

  /// The same as lines of a redis.conf.
  public func redisLines(port: Int, asksClients: Bool = false) -> [String] {
    let words = redisSettings(port: port, asksClients: asksClients)
    return stride(from: 0, to: words.count, by: 2).map { "\(words[$0].dropFirst(2)) \(words[$0 + 1])" }
  }

  /// Those that all tests share; they exist as long as any test has them.
  public static var shared: TLSCertificates {
    common.withLock { common in
      if let certificates = common.certificates { return certificates }
      let certificates = TLSCertificates()
      common.certificates = certificates
      return certificates
    }
  }

  private static let common = Mutex(Common())

  private struct Common {
    weak var certificates: TLSCertificates?
  }

  private static let script = """
    key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    authority() { openssl req -x509 $key -days 3 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"; }
    certificate() {
      openssl req -new $key -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
      echo "subjectAltName=$3" > "$1.ext"
      openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -extfile "$1.ext" -days "$4" \
        -out "$1.pem"
    }
    authority ca
    authority other
    certificate server ca DNS:localhost,IP:127.0.0.1 2
    certificate elsewhere ca DNS:redis.example,IP:192.0.2.1 2
    certificate expired ca DNS:localhost,IP:127.0.0.1 -1
    certificate client ca DNS:client 2
    certificate stranger other DNS:client 2
    openssl ec -in client.key -aes256 -passout pass:hush -out encrypted.key
    """
}
