/// A `.env` file: `NAME=value` lines, comments after `#`, and quotes as systemd's `EnvironmentFile=` reads them.
enum DotEnvFile {
  /// A line that is no setting.
  struct Malformed: Error, CustomStringConvertible {
    let line: Int
    var description: String { ".env, line \(line): NAME=value is expected" }
  }

  /// Reads the text of a file.
  static func parse(_ text: String) throws(Malformed) -> [String: String] {
    var values: [String: String] = [:]
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let trimmed = line.trimmed
      if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
      guard let equals = trimmed.firstIndex(of: "="), equals > trimmed.startIndex else {
        throw Malformed(line: index + 1)
      }
      let name = trimmed[..<equals].trimmed
      guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else { throw Malformed(line: index + 1) }
      values[name] = unquoted(trimmed[trimmed.index(after: equals)...].trimmed)
    }
    return values
  }

  private static func unquoted(_ value: String) -> String {
    guard value.count >= 2, let quote = value.first, quote == value.last, quote == "\"" || quote == "'" else {
      return value
    }
    return String(value.dropFirst().dropLast())
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    let start = drop { $0.isWhitespace }
    return String(start.reversed().drop { $0.isWhitespace }.reversed())
  }
}
