import Logging

/// A log whose lines are events.
struct LogEvents: LogHandler {
  let lines = Events<String>()
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  /// A logger that writes here.
  var logger: Logger { Logger(label: "test") { _ in self } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.record("\(event.level): \(event.message)")
  }

  /// Waits for a line with that text.
  func line(containing text: String) async -> String? {
    await lines.next { $0.contains(text) }
  }
}
