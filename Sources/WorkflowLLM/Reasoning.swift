/// Separates a model's reasoning from its answer if the server has left both in one text.
///
/// Reasoning comes first, between tags in any case: `<think>` of DeepSeek, Qwen and others, `<thinking>`,
/// `<reasoning>`, `<thought>`, Mistral's `[THINK]`. Some chat templates have the opening tag in the prompt, so that the
/// text contains only the closing one, at its start or on a line by itself. In OpenAI's Harmony format the answer is
/// the message of channel `final`.
///
/// The time is linear in the length of any text.
struct Reasoning {
  static let tags = [
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"), ("[think]", "[/think]"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

  static let harmonyStarts = ["<|channel|>", "<|start|>"].map { Array($0.utf8) }

  private let text: String
  /// The bytes of the text, ASCII letters in lower case.
  private let bytes: [UInt8]

  private init(_ text: String) {
    self.text = text
    bytes = Self.lowercased(text)
  }

  /// The bytes of a text, ASCII letters in lower case.
  static func lowercased(_ text: String) -> [UInt8] {
    text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
  }

  /// The text after the reasoning; empty if the reasoning does not end.
  static func removed(from text: String) -> String {
    let reasoning = Reasoning(text)
    return reasoning.messageOfHarmony() ?? reasoning.afterTags()
  }

  // MARK: Tags

  private func afterTags() -> String {
    var offset = afterBlanks(0)
    var hasReasoning = false
    if let end = endWithoutOpening(from: offset) {
      offset = afterBlanks(end)
      hasReasoning = true
    }
    while let (opening, closing) = Self.tags.first(where: { isAt(offset, $0.0) }) {
      guard let end = end(of: opening, closing, from: offset) else { return "" }
      offset = afterBlanks(end)
      hasReasoning = true
    }
    return hasReasoning ? String(decoding: text.utf8.dropFirst(offset), as: UTF8.self) : text
  }

  /// The end of the first closing tag without an opening tag before it, at the start or on a line by itself.
  private func endWithoutOpening(from start: Int) -> Int? {
    for (opening, closing) in Self.tags {
      if isAt(start, closing) { return start + closing.count }
      guard let line = find(Array("\n".utf8) + closing, from: start) else { continue }
      let end = line + 1 + closing.count
      if isLineEnd(end), find(opening, from: start, before: line) == nil { return end }
    }
    return nil
  }

  /// The end of the closing tag that matches the opening one at an offset, nested tags counted. Reasoning may also
  /// mention the opening tag: if a closing tag is missing, the last one that ends a line counts.
  private func end(of opening: [UInt8], _ closing: [UInt8], from start: Int) -> Int? {
    var (depth, offset) = (1, start + opening.count)
    var last: Int?
    while let next = find([opening[0]], from: offset) {
      offset = next + 1
      if isAt(next, opening) { depth += 1 }
      guard isAt(next, closing) else { continue }
      depth -= 1
      let end = next + closing.count
      if depth == 0 { return end }
      if isLineEnd(end) { last = end }
    }
    return last
  }

  // MARK: Harmony

  /// The message of channel `final`; empty if there is none, nil for a text in another format.
  ///
  /// Source: OpenAI, "OpenAI Harmony Response Format".
  private func messageOfHarmony() -> String? {
    let start = afterBlanks(0)
    guard Self.harmonyStarts.contains(where: { isAt(start, $0) }) else { return nil }
    let mark = Array("<|message|>".utf8)
    let channel = find(Array("<|channel|>final".utf8), from: start)
    guard let channel, let message = find(mark, from: channel) else { return "" }
    let offset = afterBlanks(message + mark.count)
    let ends = ["<|return|>", "<|end|>", "<|start|>"].compactMap { find(Array($0.utf8), from: offset) }
    let end = ends.min() ?? bytes.count
    return String(decoding: text.utf8.dropFirst(offset).prefix(end - offset), as: UTF8.self)
  }

  // MARK: Offsets in the text

  private func isAt(_ offset: Int, _ word: [UInt8]) -> Bool { bytes[offset...].starts(with: word) }

  private func isLineEnd(_ offset: Int) -> Bool {
    isAt(offset, Array("\n".utf8)) || isAt(offset, Array("\r\n".utf8))
  }

  private func find(_ word: [UInt8], from start: Int, before end: Int? = nil) -> Int? {
    let end = end ?? bytes.count
    var offset = start
    while let next = bytes[offset..<end].firstIndex(of: word[0]) {
      if bytes[next..<end].starts(with: word) { return next }
      offset = next + 1
    }
    return nil
  }

  /// The first offset that is neither white space nor a byte order mark.
  private func afterBlanks(_ offset: Int) -> Int {
    let rest = text.unicodeScalars[text.utf8.index(text.startIndex, offsetBy: offset)...]
    let start = rest.firstIndex { !Self.isBlank($0) }
    return text.utf8.distance(from: text.startIndex, to: start ?? text.endIndex)
  }

  /// Whether a scalar is allowed before reasoning, and before the text after it: white space, or a byte order mark.
  static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.properties.isDefaultIgnorableCodePoint
  }

  /// Whether a text is empty or has only white space and invisible scalars.
  static func isBlank(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      let properties = scalar.properties
      return properties.isWhitespace || properties.isDefaultIgnorableCodePoint || properties.generalCategory == .control
    }
  }
}
