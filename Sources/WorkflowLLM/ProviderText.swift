import ExactJSON

/// Finds the messages in the responses of providers, and cuts them to one line for errors and logs.
enum ProviderText {
  private static let mostScalars = 300

  /// A message, or the joined messages of a list in FastAPI's format, `[{"loc": […], "msg": "…"}]`; nil if there is
  /// none.
  static func sentence(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let text): text.isEmpty ? nil : text
    case .array(let faults): sentence(of: faults.prefix(10).compactMap(fault))
    case .object(let object): sentence(object["message"] ?? object["msg"] ?? object["detail"])
    default: nil
    }
  }

  private static func sentence(of parts: [String]) -> String? { parts.isEmpty ? nil : parts.joined(separator: "; ") }

  private static func fault(_ value: JSONValue) -> String? {
    guard let said = value.stringValue ?? sentence(value.objectValue.map { .object($0) }) else { return nil }
    guard let place = value.objectValue?["loc"]?.arrayValue else { return said }
    return place.map { $0.stringValue ?? $0.text }.joined(separator: ".") + ": " + said
  }

  /// The members of an error that repeat the request.
  private static let echoes = ["input", "messages", "prompt", "request"]
  /// The longest text, in bytes, in which something is looked for.
  private static let longestText = 16_384

  /// All texts of an error, those below other names than `message` and the like with the name, such as
  /// `temperature: is not supported`; without those that repeat the request.
  static func texts(in value: JSONValue, named name: String = "", depth: Int = 8) -> [String] {
    switch value {
    case .string(let text):
      let isPlain = ["", "code", "detail", "error", "loc", "message", "msg", "type"].contains(name)
      return text.isEmpty ? [] : [isPlain ? text : "\(name): \(text)"]
    case .array(let values) where depth > 0:
      return values.prefix(100).flatMap { texts(in: $0, named: name, depth: depth - 1) }
    case .object(let object) where depth > 0:
      return object.members.prefix(100).filter { !echoes.contains($0.key) }.flatMap {
        texts(in: $0.value, named: $0.key, depth: depth - 1)
      }
    default: return []
    }
  }

  /// The beginning of a text with its ASCII letters in lower case.
  static func lowercased(_ text: [UInt8]) -> [UInt8] {
    text.prefix(longestText).map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
  }

  /// The text in one line of at most 300 scalars.
  /// - Parameter key: replaced, so that it is not logged.
  static func line(_ text: String, hiding key: String?) -> String {
    var bytes = Array(text.utf8)
    if let key, !key.isEmpty { bytes = bytes.replacing(Array(key.utf8), with: Array("…".utf8)) }
    let scalars = String(decoding: bytes.prefix(longestText), as: UTF8.self).unicodeScalars
    let words = scalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
    let line = words.map { String($0) }.joined(separator: " ").unicodeScalars.prefix(mostScalars)
    return String(String.UnicodeScalarView(line))
  }

  /// The title of an HTML page, or its text without tags; any other body unchanged.
  static func line(ofPage body: [UInt8], hiding key: String?) -> String {
    let page = String(decoding: body.prefix(longestText), as: UTF8.self)
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
