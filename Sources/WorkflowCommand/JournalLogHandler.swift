import Glibc
import LinuxSupport
import Logging

/// One line per event on standard error. Under systemd each line starts with the priority that journald reads
/// (`sd-daemon(3)`), and the time is left to the journal.
struct JournalLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let isJournal: Bool

  /// Finds out whether the lines go to the journal.
  init(level: Logger.Level) {
    logLevel = level
    isJournal = Terminal.isJournal
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line: [UInt8] = []
    line.reserveCapacity(256)
    if isJournal {
      line.append(text: "<\(JournalLogHandler.priority(of: event.level))>")
    } else {
      JournalLogHandler.appendTime(to: &line)
      line.append(text: " \(event.level) ")
    }
    line.append(text: JournalLogHandler.oneLine(event.message.description))
    let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line.append(text: " ")
      line.append(text: key)
      line.append(text: "=")
      line.append(text: JournalLogHandler.quoted(value.description))
    }
    Terminal.say(line)
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
