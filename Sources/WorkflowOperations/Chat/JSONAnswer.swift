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
      value = try JSONValue(parsing: String(Self.unfenced(answer.text)), maximumDepth: Self.deepest)
    } catch {
      let cut =
        answer.finishReason == "length" ? "; the answer was cut, because it has as many tokens as it may have" : ""
      return .unfit("it is not valid JSON: \(error)\(cut)")
    }
    let problems = schema.problems(of: value)
    return problems.isEmpty ? .value(value) : .unfit(problems.joined(separator: "; ").cut(toBytes: 900))
  }

  /// A text without white space and one code fence around it.
  static func unfenced(_ text: String) -> Substring {
    let text = trimmed(text[...])
    guard text.hasPrefix("```"), text.hasSuffix("```"), let start = text.firstIndex(where: \.isNewline) else {
      return text
    }
    let inner = text[text.index(after: start)...].dropLast(3)
    // The fence at the end has a line of its own.
    guard inner.last?.isNewline == true, !text[..<start].dropFirst(3).contains("`") else { return text }
    return trimmed(inner)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return start }
    return start[...last]
  }
}
