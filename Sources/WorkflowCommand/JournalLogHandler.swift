import ExactJSON
import Glibc
import LinuxSupport
import Logging

/// The form of a line of the log.
enum LogFormat: String, Sendable {
  /// Time, level, message, and values as `name=value`.
  case text
  /// A JSON object.
  case json
}

/// One line per event on standard error. Under systemd each line starts with the priority that journald reads
/// (`sd-daemon(3)`), and the time is left to the journal.
struct JournalLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let isJournal: Bool
  private let format: LogFormat
  private let label: String

  /// Finds out whether the lines go to the journal.
  init(level: Logger.Level, format: LogFormat = .text, label: String = "wf") {
    logLevel = level
    (self.format, self.label) = (format, label)
    isJournal = Terminal.isJournal
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { Terminal.say(line(of: event)) }

  /// The line of an event, without its end.
  func line(of event: LogEvent) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(256)
    let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    if isJournal { line.append(text: "<\(JournalLogHandler.priority(of: event.level))>") }
    if format == .json {
      appendObject(event, all, to: &line)
      return line
    }
    if !isJournal {
      JournalLogHandler.appendTime(to: &line)
      line.append(text: " \(event.level) ")
    }
    line.append(text: JournalLogHandler.oneLine(event.message.description))
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line.append(text: " ")
      line.append(text: key)
      line.append(text: "=")
      line.append(text: JournalLogHandler.quoted(value.description))
    }
    return line
  }

  /// Names that values of an event cannot have: they are put behind `metadata.` then.
  private static let ownNames: Set<String> = ["ts", "level", "logger", "message"]

  /// The event as a JSON object: time (RFC 3339), level, logger, message, then its values as strings.
  private func appendObject(_ event: LogEvent, _ values: Logger.Metadata, to line: inout [UInt8]) {
    line.append(text: "{\"ts\":\"")
    JournalLogHandler.appendTime(to: &line)
    line.append(text: "\",\"level\":\"\(event.level)\"")
    let named = values.map { name, value in
      (JournalLogHandler.ownNames.contains(name) ? "metadata.\(name)" : name, value.description)
    }
    for (name, text) in [("logger", label), ("message", event.message.description)] + named.sorted(by: { $0.0 < $1.0 })
    {
      line.append(text: ",")
      JSONWriter.append(string: name, to: &line)
      line.append(text: ":")
      JSONWriter.append(string: text, to: &line)
    }
    line.append(text: "}")
  }

  private static func priority(of level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }

  private static func appendTime(to line: inout [UInt8]) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { text in
      let count = text.withMemoryRebound(to: CChar.self) { buffer in
        // Not every C library says that this pointer may be null.
        buffer.baseAddress.map { strftime($0, buffer.count, "%Y-%m-%dT%H:%M:%S.", &parts) } ?? 0
      }
      line.append(contentsOf: text[..<count])
    }
    line.append(decimal: now.tv_nsec / 1_000_000, digits: 3)
    line.append(UInt8(ascii: "Z"))
  }

  private static func quoted(_ value: String) -> String {
    let plain = oneLine(value)
    return plain.utf8.contains(UInt8(ascii: " ")) || plain.isEmpty ? "\"\(plain.filter { $0 != "\"" })\"" : plain
  }

  /// What comes from outside must not begin a new line.
  private static func oneLine(_ text: String) -> String {
    if text.isPlainASCII { return text }
    let scalars = text.unicodeScalars.map { $0.value >= 0x20 && $0.value != 0x7f ? $0 : " " }
    return String(String.UnicodeScalarView(scalars))
  }
}
