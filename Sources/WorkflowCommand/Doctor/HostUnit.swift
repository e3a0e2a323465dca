import Glibc

/// A unit of systemd, as `systemctl show` reports it.
struct HostUnit: Sendable {
  let name: String
  private let properties: [String: String]

  /// Whether systemd runs on this host.
  static var hasSystemd: Bool { access("/run/systemd/system", F_OK) == 0 }

  /// Whether wf is installed as a service, whether systemd runs or not: its settings or a unit of it are there.
  static var isWorkflowInstalled: Bool {
    let folders = [
      "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    ]
    let units = ["wf-worker.service", "wf-api.service", "wf-api.socket"]
    let files = [SettingsFile.hostPath] + folders.flatMap { folder in units.map { "\(folder)/\($0)" } }
    return files.contains { access($0, F_OK) == 0 }
  }

  /// Asks systemd; nil where it does not run.
  init?(_ name: String) async {
    guard HostUnit.hasSystemd,
      let outcome = await HostCommand.run(
        "systemctl", "show", "-p", "LoadState,ActiveState,SubState,Result,UnitFileState,MainPID,WantedBy", name)
    else { return nil }
    self.name = name
    properties = Dictionary(
      outcome.output.split(whereSeparator: \.isNewline).compactMap { line in
        line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
      }, uniquingKeysWith: { $1 })
  }

  /// The workers that systemd knows of: the ordinary one and instances of the template.
  static func workers() async -> [HostUnit] {
    let list = await HostCommand.run(
      "systemctl", "list-units", "--all", "--plain", "--no-legend", "wf-worker.service", "wf-worker@*.service")
    var names = (list?.output ?? "").split(whereSeparator: \.isNewline).compactMap {
      $0.split(separator: " ").first.map(String.init)
    }
    if !names.contains("wf-worker.service") { names.insert("wf-worker.service", at: 0) }
    var units: [HostUnit] = []
    for name in names { if let unit = await HostUnit(name) { units.append(unit) } }
    return units.filter { $0.isInstalled || $0.isMasked }
  }

  var isInstalled: Bool { properties["LoadState"] == "loaded" }
  /// Whether nothing may start it.
  var isMasked: Bool { properties["LoadState"] == "masked" }
  var isActive: Bool { properties["ActiveState"] == "active" }
  /// Whether its start has begun and not failed yet; between restarts it is `activating` too, as `auto-restart`.
  private var isStarting: Bool {
    properties["ActiveState"] == "activating" && properties["SubState"]?.hasPrefix("start") == true
  }
  /// Whether it starts at the next boot.
  var isEnabled: Bool { properties["UnitFileState"]?.hasPrefix("enabled") == true }
  /// Whether it is started at the next boot, and `wf-worker.target` does not start it.
  var isOutsideTarget: Bool {
    isEnabled && properties["WantedBy"]?.split(separator: " ").contains("wf-worker.target") != true
  }
  /// Whether it is meant to run but does not: it is enabled, or has been started, and its process has ended.
  var isDown: Bool { !isActive && (isEnabled || properties["ActiveState"] != "inactive") }
  /// The process id of its main process; nil when it has none.
  var processID: Int32? { properties["MainPID"].flatMap { Int32($0) }.flatMap { $0 > 0 ? $0 : nil } }

  /// What it is, such as `inactive`, or `activating (auto-restart, exit-code)`.
  var state: String {
    let details = [properties["SubState"], properties["Result"]].compactMap(\.self).filter {
      !["success", "dead", "running", "failed", "", properties["ActiveState"]].contains($0)
    }
    let active = properties["ActiveState"] ?? "unknown"
    return details.isEmpty ? active : "\(active) (\(details.joined(separator: ", ")))"
  }

  /// Says whether it is active.
  var result: CheckResult {
    if isMasked { return .warning("\(name) is masked", remedy: "systemctl unmask \(name), if it is to run here") }
    if isActive { return .ok("\(name) is active") }
    if isStarting { return .warning("\(name) is starting", remedy: "run wf doctor again in a few seconds") }
    return .failed(
      "\(name) is \(state)", remedy: "systemctl start \(name); journalctl -u \(name) says why it is not active")
  }
}
