import ExactJSON
import WorkflowLLM

/// Reads the answers of a model that is to answer in JSON of a form.
struct JSONAnswer {
  /// Levels of nesting that an answer may have.
  private static let deepest = 64

  /// The form.
  let schema: JSONSchema

  /// What an answer is.
  enum Reading: Equatable {
    case value(JSONValue)
    /// It cannot be used: a sentence for the model and for people.
    case unfit(String)
  }

  /// Reads an answer. One Markdown code fence around all of it is taken off; any other text beside the JSON is a fault,
  /// because what a program cuts out of a text may be another value than the one that was meant.
  func read(_ answer: ChatAnswer) -> Reading {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: Self.unfenced(answer.text), maximumDepth: Self.deepest)
    } catch {
      let cut =
        answer.finishReason == "length" ? "; the answer was cut, because it has as many tokens as it may have" : ""
      let fault = "\(error)"
      return .unfit("it is not valid JSON: \(fault.hasSuffix(".") ? String(fault.dropLast()) : fault)\(cut)")
    }
    let problems = schema.problems(of: value)
    return problems.isEmpty ? .value(value) : .unfit(problems.joined(separator: "; ").cut(toBytes: 900))
  }

  /// A text without ASCII white space and one code fence around it.
  static func unfenced(_ text: String) -> String {
    let text = trimmed(Array(text.utf8)[...])
    let fence = Array("```".utf8), line = UInt8(ascii: "\n")
    guard text.count > 2 * fence.count, text.starts(with: fence), text.suffix(fence.count).elementsEqual(fence),
      let start = text.firstIndex(of: line)
    else { return String(decoding: text, as: UTF8.self) }
    let inner = text[(start + 1)...].dropLast(fence.count)
    // The fence at the end is on a separate line.
    guard inner.last == line, !text[..<start].dropFirst(fence.count).contains(UInt8(ascii: "`")) else {
      return String(decoding: text, as: UTF8.self)
    }
    return String(decoding: trimmed(inner), as: UTF8.self)
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isWhite(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
    let start = text.drop(while: isWhite)
    guard let last = start.lastIndex(where: { !isWhite($0) }) else { return start }
    return start[...last]
  }
}
