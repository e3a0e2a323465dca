import Glibc

/// What an entry of the progress log says before its documents: when, what, and of which step.
///
/// wf writes `ts`, `msg` and `step` first and `outputs` last, so a head is read without parsing the outputs,
/// which may be megabytes.
///
/// It keeps the entry and where its parts lie, so that reading the heads of a log allocates nothing.
public struct ProgressHead: Sendable {
  private let entry: [UInt8]
  private let parts: Parts

  /// Reads the head of an entry; nil when wf did not write it.
  public init?(_ entry: [UInt8]) {
    let parts = entry.withUnsafeBufferPointer { bytes in
      var reader = Reader(bytes: bytes)
      return Parts(&reader)
    }
    guard let parts else { return nil }
    self.entry = entry
    self.parts = parts
  }

  /// The time as it is written in the entry, in seconds since 1970.
  public var timestamp: ArraySlice<UInt8> { entry[parts.timestamp] }
  /// The message's name.
  public var message: String { text(parts.message) }
  /// The step that it is about, if any.
  public var step: String? { parts.step.map(text) }
  /// The operation that a `step_start` names.
  public var op: String? { parts.op.map(text) }

  /// Whether the message has this name.
  func says(_ name: StaticString) -> Bool {
    entry.withUnsafeBufferPointer { bytes in
      var reader = Reader(bytes: bytes, position: parts.message.lowerBound)
      return reader.take(name) && reader.position == parts.message.upperBound
    }
  }

  private func text(_ part: Range<Int>) -> String { String(decoding: entry[part], as: UTF8.self) }

  /// What the entry says behind its step: members of an object, as JSON text. Empty when there is nothing.
  public var membersBehindStep: ArraySlice<UInt8> {
    guard let step = parts.step, step.upperBound + 2 < entry.count else { return [] }
    // A quote and a comma.
    return entry[(step.upperBound + 2)...].dropLast()
  }

  /// The outputs of a `step_done`: the rest of the entry after its head, as JSON text.
  public static func outputs(in entry: [UInt8]) -> ArraySlice<UInt8>? {
    guard let head = ProgressHead(entry), head.says("step_done"), let step = head.parts.step else { return nil }
    let start = entry.withUnsafeBufferPointer { bytes -> Int? in
      var reader = Reader(bytes: bytes, position: step.upperBound)
      return reader.take(#"","outputs":"#) ? reader.position : nil
    }
    return start.map { entry[$0...].dropLast() }
  }

  /// Where the parts lie in the entry.
  private struct Parts {
    let timestamp: Range<Int>
    let message: Range<Int>
    let step: Range<Int>?
    let op: Range<Int>?

    init?(_ reader: inout Reader) {
      guard reader.take(#"{"ts":"#), let timestamp = reader.takeUpTo(","),
        reader.take(#","msg":""#), let message = reader.takeUpTo("\"")
      else { return nil }
      self.timestamp = timestamp
      self.message = message
      step = reader.take(#"","step":""#) ? reader.takeUpTo("\"") : nil
      op = step != nil && reader.take(#"","op":""#) ? reader.takeUpTo("\"") : nil
    }
  }

  /// Reads an entry from its beginning.
  private struct Reader {
    let bytes: UnsafeBufferPointer<UInt8>
    /// The offset of the next byte.
    var position = 0

    /// Skips a text, if it comes next.
    mutating func take(_ text: StaticString) -> Bool {
      let end = position + text.utf8CodeUnitCount
      guard end <= bytes.count, let start = bytes.baseAddress,
        memcmp(start + position, text.utf8Start, text.utf8CodeUnitCount) == 0
      else { return false }
      position = end
      return true
    }

    /// Where the text before the next such character lies; nil when there is none.
    mutating func takeUpTo(_ end: Unicode.Scalar) -> Range<Int>? {
      guard let index = bytes[position...].firstIndex(of: UInt8(ascii: end)) else { return nil }
      defer { position = index }
      return position..<index
    }
  }
}

extension ProgressHead: Equatable {
  /// Whether both heads say the same, whatever follows them in their entries.
  public static func == (one: Self, other: Self) -> Bool {
    one.timestamp == other.timestamp && one.message == other.message && one.step == other.step && one.op == other.op
  }
}
