/// Reads settings by name, and remembers each with where it came from and what is wrong with it.
struct SettingsReader {
  /// Where a setting's value came from.
  enum Source: String, Sendable {
    case fallback = "default"
    case environment
    case file = ".env"
    case credential
  }

  /// One setting, as `wf config` shows it.
  struct Row: Sendable {
    let name: String
    let value: String
    let source: Source
  }

  private let environment: [String: String]
  private let file: [String: String]
  private let credentials: [String: String]
  private(set) var rows: [Row] = []
  private(set) var problems: [String] = []

  /// The environment wins over the file.
  /// - Parameter credentials: secrets that the service manager hands over, by the setting that they stand for.
  init(environment: [String: String], file: [String: String] = [:], credentials: [String: String] = [:]) {
    self.credentials = credentials
    self.environment = environment
    self.file = file
  }

  /// A text, or nil where nothing is set and there is no default. A setting that is set to nothing is not set.
  mutating func text(_ name: String, default fallback: String? = nil, isSecret: Bool = false) -> String? {
    let found = lookUp(name)
    let value = found?.value ?? fallback
    let shown = value.map { isSecret ? "********" : $0 } ?? ""
    rows.append(Row(name: name, value: shown, source: found?.source ?? .fallback))
    return value
  }

  /// A text that a function understands.
  mutating func parsed<Value>(
    _ name: String, default fallback: String, _ parse: (String) -> Value?, expected: String
  ) -> Value? {
    guard let text = text(name, default: fallback) else { return nil }
    if let value = parse(text) { return value }
    problems.append("\(name)=\(text): \(expected) is expected")
    return parse(fallback)
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

  /// Notes a problem that the reading function cannot see.
  mutating func refuse(_ problem: String) { problems.append(problem) }

  /// Shows a setting in another form than it was given in, for one that may hold a password.
  mutating func show(_ name: String, as value: String) {
    guard let index = rows.firstIndex(where: { $0.name == name }) else { return }
    rows[index] = Row(name: name, value: value, source: rows[index].source)
  }

  /// A secret that the service manager handed over.
  func credential(_ name: String) -> String? { credentials[name] }

  private func lookUp(_ name: String) -> (value: String, source: Source)? {
    if let value = environment[name], !value.isEmpty { return (value, .environment) }
    if let value = file[name], !value.isEmpty { return (value, .file) }
    return credentials[name].map { ($0, .credential) }
  }

  /// Notes every `WF_` name that no setting has read, with the name that it resembles most.
  mutating func refuseUnknown() {
    let known = Set(rows.map(\.name))
    let names = Set(environment.keys).union(file.keys)
    for name in names.sorted() where name.hasPrefix("WF_") && !known.contains(name) {
      let nearest = known.min { EditDistance.between(name, $0) < EditDistance.between(name, $1) }
      let hint = nearest.map { EditDistance.between(name, $0) <= 4 ? "; did you mean \($0)?" : "" } ?? ""
      problems.append("\(name) is no setting of wf\(hint)")
    }
  }
}
