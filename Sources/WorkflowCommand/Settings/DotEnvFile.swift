/// A file of settings: a `.env`, or the `EnvironmentFile=` of the services. `NAME=value` lines, comments after `#` or
/// `;`, and quotes as systemd reads them (systemd.exec(5)).
///
/// A `.env` belongs to a whole project, so lines of other programs may have any form and are skipped. A line that names
/// a setting of wf must have the form.
enum DotEnvFile {
  /// A line that names a setting of wf but does not set it.
  struct Malformed: Error {
    /// The setting that it names.
    let name: String
    /// The number of the line, from 1 on.
    let line: Int
    /// What is wrong, and what is expected.
    let problem: String
  }

  /// Reads the text of a file.
  /// - Parameter allowsExport: whether `export NAME=value` sets a value, as in a shell; systemd ignores such a line.
  /// - Returns: the values by name, and every line that is wrong.
  static func parse(_ text: String, allowsExport: Bool) -> (values: [String: String], faults: [Malformed]) {
    var values: [String: String] = [:]
    var faults: [Malformed] = []
    // Scalars, not characters: CR LF is one character, and a combining mark would join the "=" before it.
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      do throws(Malformed) {
        let setting = try read(line.trimmed(also: index == 0 ? "\u{feff}" : nil), line: index + 1, allowsExport)
        if let setting { values[setting.name] = setting.value }
      } catch {
        faults.append(error)
      }
    }
    return (values, faults)
  }

  private static func read(
    _ line: Substring.UnicodeScalarView, line number: Int, _ allowsExport: Bool
  ) throws(Malformed) -> (name: String, value: String)? {
    if line.isEmpty || line.first == "#" || line.first == ";" { return nil }
    let export = "export".unicodeScalars
    var rest = line
    if rest.starts(with: export), let next = rest.dropFirst(export.count).first, next.properties.isWhitespace {
      rest = rest.dropFirst(export.count).trimmed()
    }
    let name = String(String.UnicodeScalarView(rest.prefix(while: isPartOfName)))
    rest = rest.dropFirst(name.unicodeScalars.count).trimmed()
    guard rest.first == "=", !name.isEmpty else {
      if isOfWorkflow(name) { throw Malformed(name: name, line: number, problem: "\(name)=value is expected") }
      return nil
    }
    if line.starts(with: export), !allowsExport, isOfWorkflow(name) {
      throw Malformed(name: name, line: number, problem: "systemd ignores lines with export; \(name)=value is expected")
    }
    return (name, unquoted(rest.dropFirst().trimmed()))
  }

  /// Whether a name is one that wf reads, or that somebody meant it to read.
  private static func isOfWorkflow(_ name: String) -> Bool {
    name.hasPrefix("WF_") || name.hasPrefix("REDIS_") && SettingNames.all.contains(name)
  }

  private static func isPartOfName(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || (scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil))
  }

  private static func unquoted(_ value: Substring.UnicodeScalarView) -> String {
    let inner = value.dropFirst().dropLast()
    let isQuoted = value.count >= 2 && value.first == value.last && (value.first == "\"" || value.first == "'")
    return String(String.UnicodeScalarView(isQuoted ? inner : value))
  }
}

extension Substring.UnicodeScalarView {
  /// Without white space at both ends.
  fileprivate func trimmed(also extra: Unicode.Scalar? = nil) -> Substring.UnicodeScalarView {
    let isBlank: (Unicode.Scalar) -> Bool = { $0.properties.isWhitespace || $0 == extra }
    let start = drop(while: isBlank)
    guard let last = start.lastIndex(where: { !isBlank($0) }) else { return start }
    return start[...last]
  }
}
