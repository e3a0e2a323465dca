import ExactJSON
import Logging
import Testing

@testable import WorkflowCommand

/// The lines of the services' log.
@Suite struct LogLineTests {
  private func line(_ format: LogFormat, _ message: String, _ metadata: Logger.Metadata) -> String {
    var handler = JournalLogHandler(level: .info, format: format, label: "wf-worker")
    handler.metadata = ["model": "fast"]
    let event = LogEvent(
      level: .notice, message: "\(message)", metadata: metadata, source: nil, file: #fileID, function: #function,
      line: #line)
    return String(decoding: handler.line(of: event), as: UTF8.self)
  }

  @Test func `A line of JSON is one object with time, level, logger, message and values`() throws {
    let text = line(.json, "run \"failed\"\n{", ["job": "b7f9", "code": "a\u{1b}[31m é"])
    #expect(!text.contains("\n") && !text.contains("\u{1b}"))
    let object = try #require(try JSONValue(parsing: text).objectValue)
    #expect(object.keys == ["ts", "level", "logger", "message", "code", "job", "model"])
    #expect(object["ts"]?.stringValue?.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
    #expect(object["level"] == "notice" && object["logger"] == "wf-worker")
    #expect(object["message"] == "run \"failed\"\n{" && object["model"] == "fast")
    #expect(object["code"] == "a\u{1b}[31m é")
  }

  @Test func `A value does not take the place of what every line has`() throws {
    let text = line(.json, "m", ["level": "x", "message": "y", "ts": "z", "logger": "w"])
    let object = try #require(try JSONValue(parsing: text).objectValue)
    #expect(object["level"] == "notice" && object["message"] == "m" && object["metadata.level"] == "x")
    #expect(object["metadata.ts"] == "z" && object["metadata.logger"] == "w" && object["metadata.message"] == "y")
  }

  @Test func `A line of text has the values behind the message`() {
    let text = line(.text, "run failed", ["job": "b7f9", "error": "two words"])
    #expect(text.hasSuffix(#" notice run failed error="two words" job=b7f9 model=fast"#))
  }
}
