/// Entity tags (RFC 9110, section 8.8.3).
enum EntityTags {
  /// Whether an `If-None-Match` names a tag, by weak comparison. One that is malformed anywhere names none.
  /// - Parameters:
  ///   - headers: the values of the header; several are one list.
  ///   - tag: with its quotes.
  static func match(_ headers: [String], _ tag: String) -> Bool {
    let bytes = Array(headers.joined(separator: ",").utf8)
    if trimmed(bytes[...]).elementsEqual("*".utf8) { return true }
    return list(bytes[...])?.contains { $0.elementsEqual(tag.utf8) } ?? false
  }

  /// The tags of a list without their `W/`, elements that are empty left out (RFC 9110, section 5.6.1); nil when it is
  /// none.
  private static func list(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    var tags: [ArraySlice<UInt8>] = []
    var rest = trimmed(bytes)
    while !rest.isEmpty {
      if rest.first != comma {
        if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
        guard let tag = opaqueTag(at: rest) else { return nil }
        tags.append(tag)
        rest = trimmed(rest[tag.endIndex...])
        guard rest.isEmpty || rest.first == comma else { return nil }
      }
      rest = trimmed(rest.dropFirst())
    }
    return tags
  }

  /// The tag at the start of a text, quotes included; nil when there is none.
  private static func opaqueTag(at text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let content = text.dropFirst().prefix { $0 == 0x21 || (0x23...0x7e).contains($0) || $0 >= 0x80 }
    guard text.first == quote, text[content.endIndex...].first == quote else { return nil }
    return text[text.startIndex...content.endIndex]
  }

  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
