import Glibc
import Subprocess

/// Looks at this host: units, socket, nginx, and whether the API answers through it.
struct HostExamination {
  /// Where the API is reached.
  let url: String

  private static let socket = "/run/wf/api.sock"

  /// What was found.
  func findings() async -> [Finding] {
    var findings: [Finding] = []
    if access("/run/systemd/system", F_OK) == 0 {
      findings.append(await unit("wf-api.socket"))
      findings.append(await workers())
    } else {
      findings.append(.doubtful("systemd does not run here", remedy: "start wf api and wf worker by other means"))
    }
    findings.append(socket())
    findings.append(await nginx())
    findings.append(await api())
    return findings
  }

  private func unit(_ name: String) async -> Finding {
    let state = await output("systemctl", "is-active", name) ?? "unknown"
    if state == "active" { return .fine("\(name) is active") }
    return .broken("\(name) is \(state)", remedy: "systemctl start \(name); journalctl -u \(name) says why it is not")
  }

  /// The ordinary worker, or instances of the template.
  private func workers() async -> Finding {
    let list = await output("systemctl", "list-units", "--plain", "--no-legend", "--state=active", "wf-worker*.service")
    let names = (list ?? "").split(separator: "\n").compactMap { $0.split(separator: " ").first }
    if names.isEmpty { return await unit("wf-worker.service") }
    return .fine(names.joined(separator: ", ") + (names.count == 1 ? " is active" : " are active"))
  }

  private func socket() -> Finding {
    var status = stat()
    guard stat(HostExamination.socket, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      return .broken("there is no socket \(HostExamination.socket)", remedy: "systemctl start wf-api.socket")
    }
    guard let nginx = getpwnam("www-data") else { return .fine("\(HostExamination.socket) is there") }
    let user = nginx.pointee
    let mayWrite =
      (status.st_uid == user.pw_uid && status.st_mode & 0o200 != 0)
      || (status.st_gid == user.pw_gid && status.st_mode & 0o020 != 0) || status.st_mode & 0o002 != 0
    if mayWrite { return .fine("nginx's user may connect to \(HostExamination.socket)") }
    return .broken(
      "nginx's user www-data may not connect to \(HostExamination.socket)",
      remedy: "SocketUser= and SocketGroup= of wf-api.socket name nginx's user")
  }

  private func nginx() async -> Finding {
    guard let configuration = await output("nginx", "-T") else {
      return .doubtful("nginx's configuration cannot be read", remedy: "run wf doctor as root, and see nginx -t")
    }
    if configuration.contains("fastcgi_pass wf") { return .fine("nginx forwards to wf") }
    return .broken(
      "nginx forwards nothing to wf",
      remedy: "ln -s ../sites-available/wf /etc/nginx/sites-enabled/ && nginx -t && systemctl reload nginx")
  }

  private func api() async -> Finding {
    guard let client = try? APIClient(url: url) else {
      return .broken("WF_URL=\(url) is no URL", remedy: "set it to the public address, such as https://wf.example.org")
    }
    if await client.isReady(workers: 1) { return .fine("the API at \(url) answers, and a worker is alive") }
    return .broken(
      "the API at \(url) does not answer, or has no live worker",
      remedy: "curl -i \(url)/status/health says more; WF_URL in \(HostSettings.file) names another place")
  }

  /// What a command prints, its last line's end left out; nil when it cannot be run or says nothing.
  private func output(_ command: String, _ arguments: String...) async -> String? {
    let result = try? await Subprocess.run(
      .name(command), arguments: Arguments(arguments), output: .string(limit: 4 << 20), error: .discarded)
    let text = result?.standardOutput.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n")
    guard let text, !text.isEmpty else { return nil }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
