/// Entity tags (RFC 9110, section 8.8.3).
enum EntityTags {
  /// Whether an `If-None-Match` names a tag, by weak comparison.
  ///
  /// The list is split at commas, with spaces and tabs around its elements (RFC 9110, section 5.6.1).
  static func match(_ header: String, _ tag: String) -> Bool {
    header.utf8.split(separator: UInt8(ascii: ",")).contains { part in
      let start = part.drop(while: isBlank)
      let name = start.prefix(upTo: start.lastIndex { !isBlank($0) }.map(start.index(after:)) ?? start.startIndex)
      return name.elementsEqual("*".utf8) || name.elementsEqual(tag.utf8) || name.elementsEqual("W/\(tag)".utf8)
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
