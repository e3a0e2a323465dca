import ExactJSON

/// Extracts messages from the responses of providers.
enum Words {
  private static let mostScalars = 300

  /// A message, or the joined messages of a list in FastAPI's format, `[{"loc": […], "msg": "…"}]`; nil if there is
  /// none.
  static func sentence(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let text): text.isEmpty ? nil : text
    case .array(let faults): sentence(of: faults.prefix(10).compactMap(fault))
    case .object(let object): sentence(object["message"] ?? object["msg"])
    default: nil
    }
  }

  private static func sentence(of parts: [String]) -> String? { parts.isEmpty ? nil : parts.joined(separator: "; ") }

  private static func fault(_ value: JSONValue) -> String? {
    guard let said = value.stringValue ?? sentence(value.objectValue.map { .object($0) }) else { return nil }
    guard let place = value.objectValue?["loc"]?.arrayValue else { return said }
    return place.map { $0.stringValue ?? $0.text }.joined(separator: ".") + ": " + said
  }

  /// The text in one line of at most 300 scalars.
  /// - Parameter key: replaced, so that it is not logged.
  static func line(_ text: String, hiding key: String?) -> String {
    var bytes = Array(text.utf8)
    if let key, !key.isEmpty { bytes = bytes.replacing(Array(key.utf8), with: Array("…".utf8)) }
    let scalars = String(decoding: bytes.prefix(16_384), as: UTF8.self).unicodeScalars
    let words = scalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
    let line = words.map { String($0) }.joined(separator: " ").unicodeScalars.prefix(mostScalars)
    return String(String.UnicodeScalarView(line))
  }

  /// The title of an HTML page, or its text without tags; any other body unchanged.
  static func line(ofPage body: [UInt8], hiding key: String?) -> String {
    let page = String(decoding: body.prefix(16_384), as: UTF8.self)
    let titled = line(text(of: page, onlyTitle: true), hiding: key)
    return titled.isEmpty ? line(text(of: page, onlyTitle: false), hiding: key) : titled
  }

  private static func text(of page: String, onlyTitle: Bool) -> String {
    var text = ""
    var isInTitle = false
    for (index, piece) in page.split(separator: "<", omittingEmptySubsequences: false).enumerated() {
      guard index > 0, let end = piece.firstIndex(of: ">") else {
        if index == 0, !onlyTitle { text += piece }
        continue
      }
      isInTitle = piece[..<end].lowercased().hasPrefix("title")
      if isInTitle || !onlyTitle { text += " " + piece[piece.index(after: end)...] }
    }
    return text
  }
}
