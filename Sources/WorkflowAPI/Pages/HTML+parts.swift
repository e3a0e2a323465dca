import ExactJSON
import Glibc
import Scheduling
import Workflow
import WorkflowPages

extension HTML {
  /// Adds a time, given in seconds since 1970, in UTC; nothing where there is none.
  mutating func time(_ seconds: Double?) {
    guard let seconds, seconds.isFinite, seconds.magnitude < 1e12 else { return }
    let text = String(TimeZoneData.utc.text(of: Int(seconds)).prefix(19))
    element("time", ["datetime": "\(text)Z"], text.replacing("T", with: " "))
  }

  /// Adds a time of a time zone, such as `2026-12-01T02:00:00+01:00`, with its offset.
  mutating func localTime(_ text: String) {
    let (day, rest) = (text.prefix(19), text.dropFirst(19))
    element("time", ["datetime": text], "\(day.replacing("T", with: " ")) \(rest)")
  }

  /// Adds a pair of a list of facts, where there is a value.
  mutating func fact(_ name: String, _ value: String?) {
    guard let value, !value.isEmpty else { return }
    fact(name) { $0.text(value) }
  }

  /// Adds a pair of a list of facts.
  mutating func fact(_ name: String, _ content: (inout HTML) -> Void) {
    element("div") { html in
      html.element("dt", name)
      html.element("dd") { content(&$0) }
    }
  }

  /// Adds the first row of a table; a name that ends in `#` is that of a column with numbers.
  mutating func columns(_ names: [String]) {
    element("thead") { html in
      html.element("tr") { html in
        for name in names {
          let isNumber = name.hasSuffix("#")
          html.element(
            "th", ["scope": "col", "class": isNumber ? "number" : nil], isNumber ? String(name.dropLast()) : name)
        }
      }
    }
  }

  /// Adds a cell of a table that becomes a card on a narrow screen; there its name precedes its value.
  mutating func cell(_ name: String?, _ text: String, kind: String? = nil) {
    element("td", ["data-label": name, "class": kind], text)
  }

  /// Adds a text of the documentation: `code` between backticks, and paragraphs.
  mutating func prose(_ text: String) {
    for (index, part) in text.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
      if index.isMultiple(of: 2) { self.text(String(part)) } else { element("code", String(part)) }
    }
  }

  /// Adds a document that can be folded.
  mutating func document(_ name: String, _ text: JSONText, link: String, isOpen: Bool = false) {
    element("details", ["class": "document", "open": isOpen ? "" : nil]) { html in
      html.element("summary", name)
      html.element(
        "pre", ["class": "json", "data-cut": text.isCut ? "" : nil, "tabindex": "0", "aria-label": name]
      ) { $0.text(bytes: text.bytes) }
      guard text.isCut else { return }
      html.element("p", ["class": "hint"]) { html in
        html.text("The rest is not shown. ")
        html.element("a", ["href": link], "All of it as JSON")
      }
    }
  }

  /// Adds the faults of a field.
  mutating func faults(_ faults: [FormFault], field: String) {
    guard !faults.isEmpty else { return }
    element("ul", ["class": "faults", "id": "\(field)-faults"]) { html in
      for fault in faults {
        html.element("li") { html in
          if !fault.way.isEmpty {
            html.element("a", ["href": "#\(field)", "data-way": JSONValue.array(fault.way).text], fault.place)
            html.text(" ")
          }
          html.text(fault.message)
        }
      }
    }
  }
}

/// Numbers and durations for people.
enum Shown {
  /// The number of a JSON text of seconds.
  static func seconds(_ text: (some Sequence<UInt8>)?) -> Double? {
    text.flatMap { Double(String(decoding: Array($0), as: UTF8.self)) }
  }

  /// A duration.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds > 0 else { return "0 ms" }
    if seconds < 0.01 { return "\((seconds * 100_000).rounded() / 100) ms" }
    if seconds < 1 { return "\(Int((seconds * 1_000).rounded())) ms" }
    if seconds < 60 { return "\((seconds * 100).rounded() / 100) s" }
    let whole = Int(min(seconds, 1e12).rounded())
    let parts = [(whole / 86_400, "d"), (whole / 3_600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")]
    let shown = parts.drop { $0.0 == 0 }.prefix(2).filter { $0.0 > 0 }
    return shown.map { "\($0.0) \($0.1)" }.joined(separator: " ")
  }

  /// How long the last generation of a run took: the first from its start on, any other from when the run was run
  /// again. Nil where that is not known, or it has not ended.
  static func took(_ started: Double?, _ reopened: Double?, generation: Int, _ finished: Double?) -> String? {
    guard let begin = generation > 0 ? reopened : started, let finished else { return nil }
    return duration(finished - begin)
  }

  /// Bytes.
  static func bytes(_ count: Int) -> String {
    if count < 1_024 { return "\(count) bytes" }
    if count < 1 << 20 { return "\(count >> 10) KiB" }
    return "\(count >> 20) MiB"
  }

  /// The members of an object in a few words, such as `attempt 1 · error no answer`.
  static func words(_ object: JSONObject) -> String {
    object.members.map { "\($0.key) \(word($0.key, $0.value))" }.joined(separator: " · ")
  }

  private static func word(_ name: String, _ value: JSONValue) -> String {
    if name == "retry_at", let seconds = value.numberValue?.double, seconds.isFinite, seconds.magnitude < 1e12 {
      return String(TimeZoneData.utc.text(of: Int(seconds)).prefix(19)).replacing("T", with: " ")
    }
    return value.stringValue ?? value.text
  }
}

/// A fault at a field of a form.
struct FormFault {
  /// The way from the field's value to the fault.
  let way: [JSONValue]
  /// What is wrong.
  let message: String

  /// The way as people read it.
  var place: String { way.map { $0.stringValue ?? $0.text }.joined(separator: ".") }
}
