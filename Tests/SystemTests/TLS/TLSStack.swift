import Curl
import Glibc
import RedisFixture
import Subprocess
import SystemHarness
import SystemPackage

/// A stack whose Redis also speaks TLS, and services that reach it by TLS alone: a worker, and an API behind an nginx.
struct TLSStack: Sendable {
  /// A stack without workers, whose API and nginx are not used; it looks into Redis.
  let stack: Stack
  /// The public URL of the API that speaks TLS to Redis.
  let url: String
  /// The settings of the services.
  let settings: [String: String]
  /// The process that holds the worker.
  let worker: Int32

  /// Runs a body against one, which is gone afterwards.
  static func with(
    asksClients: Bool = false, redis: [String] = [],
    _ body: @escaping @Sendable (TLSStack) async throws -> Void
  ) async throws {
    let certificates = TLSCertificates()
    let port = Int(freePort())
    var settings = ["REDIS_URL": "rediss://localhost:\(port)", "REDIS_TLS_CA_FILE": certificates.path("ca.pem")]
    if asksClients {
      settings["REDIS_TLS_CERT_FILE"] = certificates.path("client.pem")
      settings["REDIS_TLS_KEY_FILE"] = certificates.path("client.key")
    }
    let lines = certificates.redisLines(port: port, asksClients: asksClients)
    let services = settings
    try await Stack.with(.init(workers: 0, settings: ["PATH": RedisServer.pathWithTLS], redis: lines + redis)) {
      stack in
      try await withFolder { folder in
        let url = "http://127.0.0.1:\(freePort())"
        let own = services.merging(["WF_URL": url]) { $1 }
        let configuration = try nginxConfiguration(of: stack, in: folder, url: url)
        let wf = Stack.executable
        try await running([wf, "api", "--socket", "\(folder)/api.sock"], own) { _ in
          try await running([wf, "worker"], own) { worker in
            try await running(["/usr/sbin/nginx", "-p", folder, "-e", "\(folder)/log", "-c", configuration], own) { _ in
              let stack = TLSStack(stack: stack, url: url, settings: own, worker: worker)
              try await waitForHealth(url)
              try await body(stack)
            }
          }
        }
      }
    }
    withExtendedLifetime(certificates) {}
  }

  private static func waitForHealth(_ url: String) async throws {
    let http = HTTPClient()
    defer { http.close() }
    _ = try await wait("the services that speak TLS to Redis") {
      let answer = try? await http.send(
        HTTPRequest(method: "GET", url: "\(url)/status/health", timeout: .seconds(5)))
      return answer?.status == 200 ? true : nil
    }
  }

  /// The nginx of the stack once more, in front of another API.
  private static func nginxConfiguration(of stack: Stack, in folder: String, url: String) throws -> String {
    var text = String(decoding: try Stack.read("\(stack.folder)/nginx/nginx.conf"), as: UTF8.self)
    for (old, new) in [(stack.folder, folder), (String(stack.url.dropFirst(7)), String(url.dropFirst(7)))] {
      text = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
    mkdir("\(folder)/nginx", 0o700)
    let path = "\(folder)/nginx/nginx.conf"
    try KeyStack.write(text, to: path)
    return path
  }

  /// Runs a body while a command runs.
  private static func running(
    _ command: [String], _ settings: [String: String], _ body: @escaping @Sendable (Int32) async throws -> Void
  ) async throws {
    let outcome = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(["--pdeathsig", "KILL", "--"] + command),
      environment: .ofTests(settings), input: .none, output: .discarded, error: .currentStandardError
    ) { execution in
      // The process ends whatever the body comes to, and the library is left in order.
      let failure: (any Error)?
      do {
        try await body(execution.processIdentifier.value)
        failure = nil
      } catch {
        failure = error
      }
      try? execution.send(signal: .terminate)
      return failure
    }
    if let failure = outcome.closureResult { throw failure }
  }
}
