import Glibc

/// Looks at nginx: whether it runs, what it is configured to do, and how many clients it can hold.
struct NginxCheck {
  /// Connections that the API serves at one time.
  let apiConnections: Int

  /// Below this, a few hundred waiting clients fill a process of nginx: each takes a connection to the API as well.
  private static let fewConnections = 4_096
  private static let roomRemedy =
    "in /etc/nginx/nginx.conf: worker_rlimit_nofile 16384; events { worker_connections 8192; }"

  /// What was found.
  func results() async -> [CheckResult] {
    guard let test = await HostCommand.run("nginx", "-T") else {
      let remedy = "another web server has to forward /workflow and /status to wf-api.socket; or apt install nginx"
      return [.warning("nginx is not installed", remedy: remedy)]
    }
    let unit = await HostUnit("nginx.service").flatMap { $0.isInstalled ? $0 : nil }
    let state = unit.map { [$0.isActive ? .ok("nginx is active") : $0.result] } ?? []
    guard test.isSuccess else { return state + [NginxCheck.refusal(test.error)] }
    let configuration = NginxCheck.withoutComments(test.output)
    let limit = unit?.processID.flatMap(NginxCheck.descriptorLimit)
    return state
      + [
        NginxCheck.forwarding(configuration), NginxCheck.capacity(configuration, descriptors: limit),
        NginxCheck.keptConnections(configuration, apiConnections: apiConnections),
      ].compactMap(\.self)
  }

  /// What `nginx -t` says against the configuration.
  static func refusal(_ text: String) -> CheckResult {
    let lines = text.split(whereSeparator: \.isNewline)
    let line = (lines.first { $0.contains("[emerg]") } ?? lines.first).map(String.init) ?? "no reason is given"
    if line.contains("Permission denied") {
      return .warning("nginx's configuration cannot be read: \(line)", remedy: "sudo wf doctor")
    }
    return .failed(
      "nginx -t fails: \(line)",
      remedy: "correct it, then nginx -t && systemctl reload nginx; until then nginx cannot be reloaded or restarted")
  }

  static func forwarding(_ configuration: String) -> CheckResult {
    if configuration.contains("fastcgi_pass wf") { return .ok("nginx forwards to wf") }
    return .failed(
      "nginx forwards nothing to wf",
      remedy: "ln -s ../sites-available/wf /etc/nginx/sites-enabled/ && nginx -t && systemctl reload nginx")
  }

  /// Whether as many clients can wait as the API can hold.
  /// - Parameter descriptors: how many nginx's main process may open, if that is known.
  static func capacity(_ configuration: String, descriptors: Int?) -> CheckResult {
    // Without the directive nginx takes 512.
    let connections = number(of: "worker_connections", in: configuration) ?? 512
    if connections < fewConnections {
      return .warning(
        "a process of nginx holds \(connections) connections (worker_connections), and a waiting client takes two",
        remedy: roomRemedy)
    }
    if let limit = number(of: "worker_rlimit_nofile", in: configuration) ?? descriptors, limit < connections {
      return .warning(
        "a process of nginx may open \(limit) files, fewer than its \(connections) worker_connections",
        remedy: roomRemedy)
    }
    return .ok("a process of nginx holds \(connections) connections")
  }

  /// Whether the connections that nginx keeps leave the API room for others; nil when they do.
  static func keptConnections(_ configuration: String, apiConnections: Int) -> CheckResult? {
    guard let upstream = configuration.firstRange(of: "upstream wf") else { return nil }
    let block = configuration[upstream.upperBound...].prefix { $0 != "}" }
    let processes = number(of: "worker_processes", in: configuration) ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
    guard let kept = number(of: "keepalive", in: String(block)), kept * processes > apiConnections / 2 else {
      return nil
    }
    return .warning(
      "nginx may keep \(kept * processes) connections to the API (keepalive \(kept), \(processes) processes), which serves "
        + "\(apiConnections)",
      remedy: "lower keepalive in upstream wf, or raise WF_API_CONNECTIONS")
  }

  private static func number(of directive: String, in configuration: String) -> Int? {
    let words = configuration.split { $0.isWhitespace || $0 == ";" || $0 == "{" }
    return words.firstIndex { $0 == directive }.flatMap { $0 + 1 < words.count ? Int(words[$0 + 1]) : nil }
  }

  private static func withoutComments(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).filter { line in !line.drop { $0.isWhitespace }.hasPrefix("#") }.joined(
      separator: "\n")
  }

  /// The soft limit of a process, as `/proc/PID/limits` shows (proc(5)).
  private static func descriptorLimit(of process: Int32) -> Int? {
    guard let text = try? Files.read("/proc/\(process)/limits") else { return nil }
    let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix("Max open files") }.flatMap { $0.split(separator: " ").dropFirst(3).first }
      .flatMap { Int($0) }
  }
}
