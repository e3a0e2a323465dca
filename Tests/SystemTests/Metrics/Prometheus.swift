import Curl
import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import SystemPackage

/// A Prometheus that scrapes an API, with wf's alert rules.
struct Prometheus: Sendable {
  let url: String
  private let http = HTTPClient()

  /// The folder with the programs, which `make test` fills; nil without them.
  static let programs: String? = WebServer.root.flatMap { root in
    ["\(root)/usr/bin"].first { access("\($0)/promtool", X_OK) == 0 && access("\($0)/prometheus", X_OK) == 0 }
  }

  /// The folder with the alert rules and the dashboard.
  static let files = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .removingLastComponent().appending("systemd/monitoring").string

  /// Runs `promtool`.
  /// - Returns: its exit code, and all that it has said.
  static func tool(
    _ arguments: [String], input: [UInt8] = [], at folder: String = files
  ) async throws -> (isGood: Bool, text: String) {
    let result = try await Subprocess.run(
      .path(FilePath("\(programs ?? "")/promtool")), arguments: Arguments(arguments),
      workingDirectory: FilePath(folder), input: .array(input), output: .string(limit: 1 << 20),
      error: .combinedWithOutput)
    return (result.terminationStatus.isSuccess, result.standardOutput)
  }

  /// Runs a body against a Prometheus that scrapes a stack each second.
  static func with(_ stack: Stack, _ body: @escaping @Sendable (Prometheus) async throws -> Void) async throws {
    let port = freePort()
    try await withFolder { folder in
      let target = stack.url.split(separator: "/").last.map(String.init) ?? ""
      try write(
        """
        global: {scrape_interval: 1s, evaluation_interval: 1s}
        rule_files: ['\(files)/wf-alerts.yml']
        scrape_configs:
          - job_name: wf
            metrics_path: /status/metrics
            static_configs: [{targets: ['\(target)']}]

        """, to: "\(folder)/prometheus.yml")
      let arguments = [
        "--pdeathsig", "KILL", "--", "\(programs ?? "")/prometheus", "--config.file=\(folder)/prometheus.yml",
        "--storage.tsdb.path=\(folder)/data", "--web.listen-address=127.0.0.1:\(port)", "--log.level=error",
      ]
      _ = try await Subprocess.run(
        .name("setpriv"), arguments: Arguments(arguments), input: .none, output: .discarded,
        error: .currentStandardError
      ) { execution in
        let prometheus = Prometheus(url: "http://127.0.0.1:\(port)")
        _ = try await wait("Prometheus to be ready") {
          (try? await prometheus.send("/-/ready"))?.status == 200 ? true : nil
        }
        try await body(prometheus)
        try execution.send(signal: .terminate)
      }
    }
  }

  private func send(_ path: String, form: [UInt8]? = nil) async throws -> HTTPResponse {
    let headers: [HTTPHeader] = form == nil ? [] : [("Content-Type", "application/x-www-form-urlencoded")]
    return try await http.send(
      HTTPRequest(
        method: form == nil ? "GET" : "POST", url: url + path, headers: headers, body: form, timeout: .seconds(10)))
  }

  /// What a path of the API answers as `data`.
  func data(_ path: String) async throws -> JSONValue { try await send(path).json["data"] ?? .null }

  /// The series of an expression.
  /// - Throws: what Prometheus says of an expression that is none.
  func query(_ expression: String) async throws -> [JSONObject] {
    let encoded = expression.utf8.map { byte -> String in
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (byte < 16 ? "0" : "") + digits
    }.joined()
    let answer = try await send("/api/v1/query", form: Array("query=\(encoded)".utf8)).json
    guard answer["status"] == "success" else { throw StackFailure("\(expression): \(answer["error"] ?? .null)") }
    return (answer["data"]?.objectValue?["result"]?.arrayValue ?? []).compactMap(\.objectValue)
  }
}
