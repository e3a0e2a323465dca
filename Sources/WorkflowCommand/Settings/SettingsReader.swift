import ExactJSON
import Hiredis

/// Reads settings by name, and remembers each with where it came from and what is wrong with it.
struct SettingsReader {
  /// Where a setting's value came from.
  enum Source: Sendable, Equatable, CustomStringConvertible {
    case fallback
    case environment
    /// A file, by its path.
    case file(String)
    case credential

    var description: String {
      switch self {
      case .fallback: "default"
      case .environment: "environment"
      case .file(let path): path
      case .credential: "credential"
      }
    }
  }

  /// One setting, as `wf config` shows it.
  struct Row: Sendable {
    let name: String
    let value: String
    let source: Source
  }

  private let environment: [String: String]
  private let files: [SettingsFile]
  private let credentials: [String: String]
  private let credentialFiles: [String: String]
  private var entries: [Row] = []
  private var faults: [(name: String, sentence: String)] = []

  /// The environment wins over the files, and each file over those after it.
  /// - Parameter credentials: what the service manager passes: secrets by the names of their settings, and the
  ///   path of Redis's password as `redis_password`.
  /// - Parameter credentialFiles: the files of all credentials, by name.
  init(
    environment: [String: String], files: [SettingsFile] = [], credentials: [String: String] = [:],
    credentialFiles: [String: String] = [:]
  ) {
    self.credentials = credentials
    self.credentialFiles = credentialFiles
    self.environment = environment
    self.files = files
    for file in files { faults += file.faults }
  }

  /// What was read, in the order of the settings' table.
  var rows: [Row] { SettingNames.ordered(entries, by: \.name) }

  /// What is wrong, one sentence each, in the order of the settings' table.
  var problems: [String] { SettingNames.ordered(faults, by: \.name).map(\.sentence) }

  /// What is wrong with one setting, one sentence each: its value, a line that names it, a name that resembles its
  /// name, and a file that cannot be read, where it may be.
  func problems(of name: String) -> [String] {
    let faults = faults.filter { fault in
      fault.name == name || nearest(to: fault.name) == name || files.contains { $0.path == fault.name }
    }
    return faults.map(\.sentence)
  }

  /// A text, or nil where nothing is set and there is no default. A setting that is set to nothing is not set.
  mutating func text(_ name: String, default fallback: String? = nil, isSecret: Bool = false) -> String? {
    let found = lookUp(name)
    let value = found?.value ?? fallback
    let shown = value.map { isSecret ? "********" : SettingsReader.shown($0) } ?? ""
    entries.append(Row(name: name, value: shown, source: found?.source ?? .fallback))
    return value
  }

  /// A text that a function understands.
  mutating func parsed<Value>(
    _ name: String, default fallback: String, _ parse: (String) -> Value?, expected: String
  ) -> Value? {
    guard let text = text(name, default: fallback) else { return nil }
    if let value = parse(text) { return value }
    let given = SettingsReader.excerpt(SettingsReader.shown(text))
    refuse(name, "\(name)=\(given)\(place(of: name)): \(expected) is expected")
    return parse(fallback)
  }

  /// A value as it may be shown: no URL shows its secrets.
  static func shown(_ value: String) -> String { value.contains("://") ? SecretMask.url(value) : value }

  /// As much of a value, shown as it may be, as an error repeats.
  static func excerpt(_ shown: String) -> String { shown.cut(toBytes: 200) }

  /// Says in which file a setting is; nothing for one of the environment.
  func place(of name: String) -> String {
    guard case .file(let path) = lookUp(name)?.source else { return "" }
    return " in \(path)"
  }

  /// A whole number in a range.
  mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    let parse: (String) -> Int? = { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    return parsed(name, default: "\(fallback)", parse, expected: expected) ?? fallback
  }

  /// Seconds, whole or with a fraction.
  mutating func seconds(_ name: String, default fallback: Int, in range: ClosedRange<Double>) -> Duration {
    let expected = "a number of seconds from \(range.lowerBound) to \(range.upperBound)"
    let parse: (String) -> Duration? = { text in
      Double(text).flatMap { range.contains($0) ? .milliseconds(Int(($0 * 1_000).rounded())) : nil }
    }
    return parsed(name, default: "\(fallback)", parse, expected: expected) ?? .seconds(fallback)
  }

  /// A number of bytes, such as `1048576`, `512KiB` or `2 MiB`.
  mutating func bytes(_ name: String, default fallback: String, in range: ClosedRange<Int>) -> Int {
    let expected = "a number of bytes from \(range.lowerBound) to \(range.upperBound), such as 1048576 or 2MiB,"
    let parse: (String) -> Int? = { text in
      SettingsReader.byteCount(text).flatMap { range.contains($0) ? $0 : nil }
    }
    return parsed(name, default: fallback, parse, expected: expected) ?? range.lowerBound
  }

  private static func byteCount(_ text: String) -> Int? {
    let digits = text.prefix { $0.isNumber }
    guard let number = Int(digits) else { return nil }
    let factor: Int? =
      switch text.dropFirst(digits.count).filter({ $0 != " " }) {
      case "": 1
      case "KiB": 1 << 10
      case "MiB": 1 << 20
      case "GiB": 1 << 30
      default: nil
      }
    return factor.flatMap { number.multipliedReportingOverflow(by: $0).overflow ? nil : number * $0 }
  }

  /// Notes a problem of a setting that the reading function cannot see.
  mutating func refuse(_ name: String, _ sentence: String) { faults.append((name, sentence)) }

  /// Shows a setting in another form than it was given in, for one that may hold a password.
  mutating func show(_ name: String, as value: String) {
    guard let index = entries.firstIndex(where: { $0.name == name }) else { return }
    entries[index] = Row(name: name, value: value, source: entries[index].source)
  }

  /// Shows the variables that libcurl takes proxies from, where they are set.
  mutating func showProxies() {
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
      guard let value = environment[name] else { continue }
      entries.append(Row(name: name, value: SecretMask.url(value), source: .environment))
    }
  }

  /// Whether a setting is set to something.
  func isSet(_ name: String) -> Bool { lookUp(name) != nil }

  /// What the service manager handed over beside the settings.
  func credential(_ name: String) -> String? { credentials[name] }

  /// The file of a credential; nil when there is none of this name.
  func credentialFile(_ name: String) -> String? { credentialFiles[name] }

  /// The value of a variable that another setting names, as it is; nil where it is not set, or set to nothing.
  func variable(_ name: String) -> String? { lookUp(name)?.value }

  /// Whether a setting has its value from the service manager alone.
  func isCredential(_ name: String) -> Bool { lookUp(name)?.source == .credential }

  private func lookUp(_ name: String) -> (value: String, source: Source)? {
    if let value = environment[name], !value.isEmpty { return (value, .environment) }
    for file in files {
      if let value = file.values[name], !value.isEmpty { return (value, .file(file.path)) }
    }
    return credentials[name].map { ($0, .credential) }
  }

  /// Notes every name that was meant for wf and that no setting has read, with its file and with the names that it
  /// resembles most.
  mutating func refuseUnknown() {
    let known = Set(entries.map(\.name)).union(SettingNames.all)
    for name in environment.keys.sorted() { refuseUnknown(name, known) }
    for file in files {
      for name in file.values.keys.sorted() { refuseUnknown(name, known, in: file) }
    }
  }

  private mutating func refuseUnknown(_ name: String, _ known: Set<String>, in file: SettingsFile? = nil) {
    let place = file.map { " in \($0.path)" } ?? ""
    if name == "REDIS_PASSWORD", file?.isShared != true, !hasRedisPassword {
      refuse(name, "\(name)\(place) is no setting of wf; did you mean REDIS_PASSWORD_FILE or REDIS_URL?")
    }
    // A name of Redis may be another program's in the environment and in a shared file, but not in wf's own.
    let isOfRedis = name.hasPrefix("REDIS_") && file.map { !$0.isShared } == true && isMisspelt(name)
    guard name.hasPrefix("WF_") || isOfRedis, !known.contains(name) else { return }
    let hint = nearest(to: name).map { "; did you mean \($0)?" } ?? ""
    refuse(name, "\(name)\(place) is no setting of wf\(hint)")
  }

  /// Whether a name is within two edits of a setting.
  private func isMisspelt(_ name: String) -> Bool {
    SettingNames.all.contains { EditDistance.between(name, $0) <= 2 }
  }

  /// The setting that a name, which is none, resembles most.
  private func nearest(to name: String) -> String? {
    guard !SettingNames.all.contains(name) else { return nil }
    let nearest = SettingNames.all.min {
      (EditDistance.between(name, $0), $0) < (EditDistance.between(name, $1), $1)
    }
    return nearest.flatMap { EditDistance.between(name, $0) <= 4 ? $0 : nil }
  }

  /// Whether wf has a password for Redis: a variable that only resembles a setting is then another program's.
  private var hasRedisPassword: Bool {
    if lookUp("REDIS_PASSWORD_FILE") != nil || credential("redis_password") != nil { return true }
    return lookUp("REDIS_URL").flatMap { try? RedisAddress($0.value) }?.password != nil
  }
}
