import Glibc
import LinuxSupport
import Scheduling

/// Looks at this host: units, socket, nginx, and whether the API answers through it.
struct HostCheck {
  let settings: Settings

  private static let socket = "/run/wf/api.sock"

  /// What was found.
  func results() async -> [CheckResult] {
    var results = HostCheck.timeZones(.system)
    if HostUnit.hasSystemd {
      results += await workers()
    } else {
      results.append(.warning("systemd does not run here", remedy: "start wf api and wf worker by other means"))
    }
    guard await HostCommand.run("nginx", "-v") != nil || settings.isSet("WF_URL") else {
      let what = "nginx is not installed and WF_URL is not set: taken for a host with workers only"
      return results + [.ok(what)]
    }
    if await HostCheck.hasDisabledAPI(), !settings.isSet("WF_URL") {
      let what = "wf-api.socket and wf-api are disabled and WF_URL is not set: taken for a host with workers only"
      return results + [.ok(what)]
    }
    if HostUnit.hasSystemd { results += await services() }
    results.append(socket())
    results += await NginxCheck(apiConnections: settings.apiConnections).results()
    if let path = settings.apiKeysFile { results.append(KeysCheck(path: path, isService: true).result()) }
    // Another result refuses a URL that leads nowhere.
    if APIClient.isUsable(settings.url) {
      results += await APICheck(url: settings.url, key: settings.apiKey).results()
    }
    return results
  }

  /// Whether schedules in other zones than UTC can be kept; nothing when they can.
  static func timeZones(_ folder: TimeZoneFolder) -> [CheckResult] {
    do {
      _ = try folder.zone(named: "Etc/GMT")
      return []
    } catch {
      let what =
        "\(error) Until then the API refuses schedules in other zones than UTC, and workers leave them to others."
      return [.warning(what, remedy: "apt-get install tzdata")]
    }
  }

  /// Whether the API is meant not to run here: neither its socket nor its service runs, now or at the next boot.
  private static func hasDisabledAPI() async -> Bool {
    guard let socket = await HostUnit("wf-api.socket"), let service = await HostUnit("wf-api.service") else {
      return false
    }
    return [socket, service].allSatisfy { $0.isInstalled && !$0.isActive && !$0.isEnabled }
  }

  /// The socket, and the service behind it, which systemd starts at the first connection.
  private func services() async -> [CheckResult] {
    guard let socket = await HostUnit("wf-api.socket"), let service = await HostUnit("wf-api.service") else {
      return []
    }
    if service.isActive || service.state == "inactive" { return [socket.result] }
    return [socket.result, service.result]
  }

  /// The ordinary worker, and instances of the template.
  private func workers() async -> [CheckResult] {
    let units = await HostUnit.workers()
    let active = units.filter(\.isActive).map(\.name)
    var results = units.filter { $0.isDown || $0.isMasked }.map(\.result)
    if !active.isEmpty {
      results.append(.ok(active.joined(separator: ", ") + (active.count == 1 ? " is active" : " are active")))
    }
    let outside = units.filter(\.isOutsideTarget).map(\.name)
    if !outside.isEmpty {
      results.append(
        .warning(
          "systemctl start wf-worker.target does not start \(outside.joined(separator: ", "))",
          remedy: "systemctl enable \(outside.joined(separator: " "))"))
    }
    return results.isEmpty ? [.ok("no worker is enabled on this host")] : results
  }

  private func socket() -> CheckResult {
    let path = HostCheck.socket
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      return .failed("there is no socket \(path)", remedy: "systemctl start wf-api.socket")
    }
    if UnixSocketProbe.isRefused(path) {
      return .failed("no process listens on \(path)", remedy: "systemctl restart wf-api.socket")
    }
    guard let nginx = getpwnam("www-data") else { return .ok("\(path) is there") }
    let user = nginx.pointee
    let mayWrite =
      (status.st_uid == user.pw_uid && status.st_mode & 0o200 != 0)
      || (status.st_gid == user.pw_gid && status.st_mode & 0o020 != 0) || status.st_mode & 0o002 != 0
    if mayWrite { return .ok("nginx's user may connect to \(path)") }
    return .failed(
      "nginx's user www-data may not connect to \(path)",
      remedy: "SocketUser= and SocketGroup= of wf-api.socket name nginx's user")
  }
}

/// Tries a unix socket.
private enum UnixSocketProbe {
  /// Whether a socket's file is left over: no process listens on it.
  static func isRefused(_ path: String) -> Bool {
    guard let address = UnixSocketAddress(path: path), let descriptor = try? UnixSocketAddress.makeSocket(SOCK_STREAM)
    else { return false }
    defer { close(descriptor) }
    let code = address.withSocketAddress { connect(descriptor, $0, $1) }
    return code != 0 && errno == ECONNREFUSED
  }
}
