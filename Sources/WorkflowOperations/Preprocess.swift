import ExactJSON
public import Workflow

/// `preprocess`: returns an input as text, trimmed, with each run of white space replaced by one space.
public struct Preprocess: Operation {
  /// The operation's name.
  public let name = "preprocess"
  /// `field`: the key of the input.
  public let parameters = ParameterSchema([
    .init("field", .string(), default: "text", summary: "the input that is cleaned")
  ])
  /// Whether the operation is immediate: it only computes.
  public let isImmediate = true

  /// Creates the operation.
  public init() {}

  /// Returns `clean_text`.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let text =
      switch invocation.inputs[try invocation.string("field")] {
      case nil: ""
      case .string(let text): text
      case let other?: other.text
      }
    return .outputs(["clean_text": .string(Self.folded(text))])
  }

  /// Replaces white space as Python's `" ".join(text.split())` does: White_Space and U+001C to U+001F, by scalar.
  static func folded(_ text: String) -> String {
    var text = text
    return text.withUTF8(foldedASCII) ?? foldedScalars(text)
  }

  /// The same for a text of ASCII alone, without Unicode's tables; nil for any other text.
  private static func foldedASCII(_ text: UnsafeBufferPointer<UInt8>) -> String? {
    var folded: [UInt8] = []
    folded.reserveCapacity(text.count)
    var isAfterSpace = false
    for byte in text {
      switch byte {
      case 0x80...: return nil
      case 0x09...0x0d, 0x1c...0x20: isAfterSpace = !folded.isEmpty
      default:
        if isAfterSpace { folded.append(UInt8(ascii: " ")) }
        isAfterSpace = false
        folded.append(byte)
      }
    }
    return String(decoding: folded, as: UTF8.self)
  }

  private static func foldedScalars(_ text: String) -> String {
    let words = text.unicodeScalars.split { $0.properties.isWhitespace || ("\u{1c}"..."\u{1f}").contains($0) }
    return words.map { String($0) }.joined(separator: " ")
  }
}
