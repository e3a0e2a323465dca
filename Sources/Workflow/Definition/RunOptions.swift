public import ExactJSON
public import Tracing

/// What a run says of itself besides its steps and inputs.
public struct RunOptions: Sendable, Equatable {
  /// When a run starts.
  public enum Start: Sendable, Equatable {
    /// Milliseconds after its submission.
    case after(milliseconds: Int)
    /// At a time, in milliseconds since 1970.
    case at(milliseconds: Int)
  }

  /// Which of the queued runs come first.
  public enum Priority: String, Sendable, Equatable, CaseIterable {
    /// Before all others.
    case high
    /// The default.
    case normal
    /// After all others, but for a share of the claims.
    case low
  }

  /// When it starts; nil for at once.
  public var start: Start?
  /// Seconds that it may take from its start on, as they were written; nil for no limit.
  public var timeout: JSONNumber?
  /// Its place among the queued runs.
  public var priority = Priority.normal
  /// Seconds that it is kept after its end; nil for as long as the service says.
  public var retain: Int?
  /// Names and values of the author's own.
  public var labels: [(name: String, value: String)] = []
  /// Where its end is reported to; nil for nowhere.
  public var callback: String?
  /// Whose run it is: the name of the API key that it came with; nil without keys. No body says it.
  public var owner: String?
  /// The trace that it belongs to; nil where it came without one. No body says it.
  public var trace: TraceContext?

  /// A run that says nothing.
  public init() {}

  /// Whether it says nothing.
  public var isEmpty: Bool {
    start == nil && timeout == nil && priority == .normal && retain == nil && labels.isEmpty && callback == nil
      && owner == nil && trace == nil
  }

  /// The labels as a JSON object.
  public var labelsJSON: JSONObject { JSONObject(labels.map { ($0.name, .string($0.value)) }) }

  /// Whether both say the same.
  public static func == (one: Self, other: Self) -> Bool {
    one.start == other.start && one.timeout == other.timeout && one.priority == other.priority
      && one.retain == other.retain && one.callback == other.callback && one.owner == other.owner
      && one.trace == other.trace
      && one.labels.elementsEqual(other.labels) { $0 == $1 }
  }
}

extension RunOptions {
  /// The limits that the page Contract names.
  public enum Limit {
    /// Labels of a run.
    public static let labels = 32
    /// Bytes of a label's name.
    public static let labelNameBytes = 63
    /// Bytes of a label's value.
    public static let labelValueBytes = 256
    /// Bytes of a `callback_url`.
    public static let callbackBytes = 2_048
  }

  /// Reads what a body says.
  /// - Parameter callbacks: says what is wrong with a `callback_url`.
  init(
    _ body: JSONObject, at root: ValidationFault.Location, callbacks: CallbackCheck, _ faults: inout FaultList
  ) {
    timeout = RunField.timeout.read(body, at: root, &faults)?.numberValue
    retain = RunField.retain.read(body, at: root, &faults)?.numberValue?.int
    if let delay = RunField.delay.read(body, at: root, &faults)?.numberValue?.double {
      start = .after(milliseconds: Int((delay * 1_000).rounded(.up)))
    }
    priority = RunField.priority.read(body, at: root, &faults)?.stringValue.flatMap(Priority.init) ?? .normal
    readStart(body, at: root + [.key("run_at")], &faults)
    if let value = body["labels"] { readLabels(value, at: root + [.key("labels")], &faults) }
    if let value = body["callback_url"] {
      readCallback(value, at: root + [.key("callback_url")], callbacks, &faults)
    }
  }

  private mutating func readStart(_ body: JSONObject, at place: ValidationFault.Location, _ faults: inout FaultList) {
    guard let value = body["run_at"] else { return }
    if body["delay_s"] != nil {
      faults.add(.value(place, value, "a run has delay_s or run_at, not both"))
    }
    guard let text = value.stringValue else {
      faults.add(.stringType(place, value))
      return
    }
    guard let time = DateTime.milliseconds(of: text) else {
      faults.add(
        .value(
          place, value, "a date and time with its offset is expected, such as 2026-12-24T18:00:00+01:00 (RFC 3339)"))
      return
    }
    // Before 1970 is as much in the past as 1970.
    start = .at(milliseconds: max(0, time))
  }

  /// Whether a text has ASCII control characters.
  private static func hasControls(_ text: String) -> Bool { text.utf8.contains { $0 < 0x20 || $0 == 0x7f } }

  private mutating func readLabels(
    _ value: JSONValue, at place: ValidationFault.Location, _ faults: inout FaultList
  ) {
    guard let object = value.objectValue else {
      faults.add(.objectType(place, value))
      return
    }
    if object.count > Limit.labels {
      faults.add(.value(place, value, "a run has at most \(Limit.labels) labels"))
      return
    }
    for member in object.members {
      let place = place + [.key(member.key)]
      guard let text = member.value.stringValue else {
        faults.add(.stringType(place, member.value))
        continue
      }
      if !Self.isLabelName(member.key) {
        faults.add(
          .value(
            place, member.value,
            "the name of a label is 1 to \(Limit.labelNameBytes) ASCII letters, digits, '_', '-', '.' and '/'"))
      } else if text.utf8.count > Limit.labelValueBytes || Self.hasControls(text) {
        faults.add(
          .value(
            place, member.value,
            "the value of a label is at most \(Limit.labelValueBytes) bytes without control characters"))
      }
      labels.append((member.key, text))
    }
  }

  /// The JSON Schema of labels; it counts the characters of a value, not its bytes.
  static let labelSchema: JSONObject = [
    "type": "object", "maxProperties": .number(JSONNumber(Limit.labels)),
    "propertyNames": ["pattern": .string("^[A-Za-z0-9_./-]{1,\(Limit.labelNameBytes)}$")],
    "additionalProperties": [
      "type": "string", "maxLength": .number(JSONNumber(Limit.labelValueBytes)), "pattern": #"^[^\x00-\x1f\x7f]*$"#,
    ],
  ]

  private static func isLabelName(_ name: String) -> Bool {
    (1...Limit.labelNameBytes).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
          UInt8(ascii: "/"):
          true
        default: false
        }
      }
  }
}
