import Glibc
import SystemHarness

/// One host for all rehearsals, booted by whoever asks first; it goes when the tests' process does.
enum SharedHost {
  private static let container = HostContainer()

  /// Whether there is a Debian to boot and a package to install: `make test` names them when root runs it.
  static let isProvided = getenv("HOST_ROOT") != nil && getenv("HOST_PACKAGE") != nil && geteuid() == 0

  /// Whether this machine can boot a container; if not, a line says why.
  static func boots() async -> Bool { await container.boots() }

  /// The host with wf on it, installed as the page Operating says.
  static func get() async throws -> Host {
    let host = try await container.host()
    if try await host.isTrue("test -L /etc/nginx/sites-enabled/wf") == nil { try await host.install() }
    return host
  }
}
