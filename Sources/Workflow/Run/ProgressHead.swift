import Glibc

/// What an entry of the progress log says before its documents: when, what, and of which step.
///
/// wf writes `ts`, `msg` and `step` first and `outputs` last, so a head is read without parsing the outputs,
/// which may be megabytes.
public struct ProgressHead: Sendable, Equatable {
  /// The time as it is written in the entry, in seconds since 1970.
  public let timestamp: String
  /// The message's name.
  public let message: String
  /// The step that it is about, if any.
  public let step: String?
  /// The operation that a `step_start` names.
  public let op: String?

  /// Reads the head of an entry; nil when wf did not write it.
  public init?(_ entry: [UInt8]) {
    let head = entry.withUnsafeBufferPointer { bytes in
      var reader = Reader(bytes: bytes)
      return ProgressHead(&reader)
    }
    guard let head else { return nil }
    self = head
  }

  private init?(_ reader: inout Reader) {
    guard reader.take(#"{"ts":"#), let timestamp = reader.takeUpTo(","),
      reader.take(#","msg":""#), let message = reader.takeUpTo("\"")
    else { return nil }
    self.timestamp = timestamp
    self.message = message
    step = reader.take(#"","step":""#) ? reader.takeUpTo("\"") : nil
    op = step != nil && reader.take(#"","op":""#) ? reader.takeUpTo("\"") : nil
  }

  /// The outputs of a `step_done`: the rest of the entry after its head, as JSON text.
  public static func outputs(in entry: [UInt8]) -> ArraySlice<UInt8>? {
    let start = entry.withUnsafeBufferPointer { bytes -> Int? in
      var reader = Reader(bytes: bytes)
      guard let head = ProgressHead(&reader), head.message == "step_done", head.step != nil,
        reader.take(#"","outputs":"#)
      else { return nil }
      return reader.position
    }
    return start.map { entry[$0...].dropLast() }
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

    /// The text before the next such character; nil when there is none.
    mutating func takeUpTo(_ end: Unicode.Scalar) -> String? {
      guard let index = bytes[position...].firstIndex(of: UInt8(ascii: end)) else { return nil }
      defer { position = index }
      return String(decoding: UnsafeBufferPointer(rebasing: bytes[position..<index]), as: UTF8.self)
    }
  }
}
