import Workflow
import WorkflowStore

/// Entity tags (RFC 9110, section 8.8.3).
enum EntityTags {
  /// Whether an `If-None-Match` contains a tag, by weak comparison. A malformed header contains none.
  /// - Parameters:
  ///   - headers: the values of the header; several form one list.
  ///   - tag: the tag with its quotes.
  static func match(_ headers: [String], _ tag: String) -> Bool {
    if headers.isEmpty { return false }
    let bytes = Array(headers.joined(separator: ",").utf8)
    if ASCII.trimmed(bytes[...]).elementsEqual("*".utf8) { return true }
    return list(bytes[...])?.contains { $0.elementsEqual(tag.utf8) } ?? false
  }

  /// The tags of a list without `W/` and without empty elements (RFC 9110, section 5.6.1); nil if the list is
  /// malformed.
  private static func list(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    var tags: [ArraySlice<UInt8>] = []
    var rest = ASCII.trimmed(bytes)
    while !rest.isEmpty {
      if rest.first != comma {
        if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
        guard let tag = opaqueTag(at: rest) else { return nil }
        tags.append(tag)
        rest = ASCII.trimmed(rest[tag.endIndex...])
        guard rest.isEmpty || rest.first == comma else { return nil }
      }
      rest = ASCII.trimmed(rest.dropFirst())
    }
    return tags
  }

  /// The tag at the start of a text, with its quotes; nil if there is none.
  private static func opaqueTag(at text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let content = text.dropFirst().prefix { $0 == 0x21 || (0x23...0x7e).contains($0) || $0 >= 0x80 }
    guard text.first == quote, text[content.endIndex...].first == quote else { return nil }
    return text[text.startIndex...content.endIndex]
  }

  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")
}

extension RunFacts {
  /// The entity tag of the status. It changes with the status and with every log entry, so with everything that is
  /// shown.
  var entityTag: String { "\"\(status.rawValue)-\(entries)\"" }
}
