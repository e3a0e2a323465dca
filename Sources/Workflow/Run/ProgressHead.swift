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
    var rest = entry[...]
    guard rest.take(#"{"ts":"#), let timestamp = rest.takeUpTo(","),
      rest.take(#","msg":""#), let message = rest.takeUpTo("\"")
    else { return nil }
    self.timestamp = timestamp
    self.message = message
    step = rest.take(#"","step":""#) ? rest.takeUpTo("\"") : nil
    op = step != nil && rest.take(#"","op":""#) ? rest.takeUpTo("\"") : nil
  }

  /// The outputs of a `step_done`: the rest of the entry after its head, as JSON text.
  public static func outputs(in entry: [UInt8]) -> ArraySlice<UInt8>? {
    guard let head = ProgressHead(entry), head.message == "step_done", let step = head.step else { return nil }
    var rest = entry.dropFirst(#"{"ts":,"msg":"step_done","step":"""#.utf8.count)
    rest = rest.dropFirst(head.timestamp.utf8.count + step.utf8.count)
    guard rest.take(#","outputs":"#) else { return nil }
    return rest.dropLast()
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func take(_ text: StaticString) -> Bool {
    let matches = text.withUTF8Buffer { text in
      withUnsafeBufferPointer { bytes in
        bytes.count >= text.count && text.indices.allSatisfy { bytes[$0] == text[$0] }
      }
    }
    if matches { removeFirst(text.utf8CodeUnitCount) }
    return matches
  }

  fileprivate mutating func takeUpTo(_ end: Unicode.Scalar) -> String? {
    guard let index = firstIndex(of: UInt8(ascii: end)) else { return nil }
    defer { self = self[index...] }
    return String(decoding: self[..<index], as: UTF8.self)
  }
}
