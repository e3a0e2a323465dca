import Glibc

/// The secrets that systemd passes to the worker (`LoadCredential=`, systemd.exec(5)), found for somebody whom systemd
/// has not started: while the worker runs, where systemd has put them; otherwise where systemd would take them from.
struct HostCredentials {
  /// The files, by the credential's name.
  private(set) var paths: [String: String] = [:]
  /// Credentials that cannot be had.
  private(set) var results: [CheckResult] = []

  private static let unit = "wf-worker.service"
  /// Where systemd looks for a credential without a path, in order.
  private static let stores = ["/etc/credstore", "/run/credstore", "/usr/lib/credstore"]

  private init() {}

  /// Those of this process, from the folder that systemd has made for it.
  static var ofProcess: HostCredentials {
    var credentials = HostCredentials()
    if let folder = Settings.environment["CREDENTIALS_DIRECTORY"] { credentials.take(from: folder) }
    return credentials
  }

  /// Those of the worker on this host; those of this process where systemd has started it with some.
  static func ofHost() async -> HostCredentials {
    var credentials = ofProcess
    if credentials.paths.isEmpty { credentials.take(from: "/run/credentials/\(unit)") }
    if credentials.paths.isEmpty { await credentials.takeFromSources() }
    // No service has this one: it is for clients of the API.
    if credentials.paths["api_key"] == nil {
      credentials.paths["api_key"] = stores.map { "\($0)/api_key" }.first { access($0, R_OK) == 0 }
    }
    return credentials
  }

  private mutating func take(from folder: String) {
    for name in Files.entries(of: folder) where !name.hasPrefix(".") { paths[name] = "\(folder)/\(name)" }
  }

  private mutating func takeFromSources() async {
    guard HostUnit.hasSystemd, let text = await HostCommand.run("systemctl", "cat", HostCredentials.unit)?.output else {
      return
    }
    let sources = HostCredentials.sources(in: text)
    var isUnreadable = false
    for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
      let places = source.hasPrefix("/") ? [source] : HostCredentials.stores.map { "\($0)/\(source)" }
      if let path = places.first(where: { access($0, R_OK) == 0 }) {
        paths[name] = path
      } else if places.contains(where: { access($0, F_OK) == 0 || errno == EACCES }) {
        isUnreadable = true
      } else if source.hasPrefix("/") {
        // systemd does not start a service whose credential has a path where nothing is.
        results.append(.failed("the credential \(name) of wf-worker is not there", remedy: "put it into \(source)"))
      }
    }
    if isUnreadable {
      results.append(.warning("the credentials of wf-worker cannot be read", remedy: "sudo wf doctor"))
    }
  }

  /// What each credential is loaded from, by the unit's text and its drop-ins: a path, or a name in a store.
  static func sources(in text: String) -> [String: String] {
    var sources: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("LoadCredential=") {
      let value = line.dropFirst("LoadCredential=".count)
      // An empty value takes back those before it.
      if value.isEmpty { sources = [:] }
      let parts = value.split(separator: ":", maxSplits: 1).map(String.init)
      if let name = parts.first { sources[name] = parts.count > 1 ? parts[1] : name }
    }
    return sources
  }
}
