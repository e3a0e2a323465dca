/// Finds the parameter that a provider's error refuses. An error about a value out of range is not a refusal: the same
/// value under another name, or no value at all, would not be what the caller has asked for.
struct ParameterRefusal {
  private let text: [UInt8]
  private let parameter: String?

  init(_ said: ProviderError) {
    text = said.complaint
    parameter = said.parameter
  }

  private static let refusals = [
    "unsupported parameter", "unsupported value", "unsupported_parameter", "unsupported_value", "unsupportedparam",
    "unexpected", "unknown", "unrecogni", "extra_forbidden", "extra inputs", "extra fields", "deprecated",
    "been removed", "only the default", "input should be '",
  ]
  /// Phrases of a refusal unless a limit is named: "cannot be 0.2", but not "cannot be greater than 1".
  private static let phrases = [
    "not support", "n't support", "no longer support", "unsupported", "not enabled", "not allowed", "not permitted",
    "not accept", "is allowed", "is supported", "instead", "must not be", "cannot be", "can't be", "may only be",
    "incompatible", "not compatible", "must be 1 for",
  ]
  private static let limits = [
    "greater", "less than", "larger", "smaller", "higher", "lower", "more than", "at most", "at least", "too large",
    "too small", "exceed", "between", "maximum", "minimum", "out of range", " > ", " < ", ">=", "<=",
  ]
  private static let streams = [
    "only support stream", "only supports stream", "non-stream", "stream=true", "stream must be", "stream to true",
    "streaming is required", "requires stream", "must be stream", "must stream", "enable the stream",
  ]

  private func says(_ phrases: [String]) -> Bool { phrases.contains { text.firstRange(of: Array($0.utf8)) != nil } }

  private var isRefusal: Bool { says(Self.refusals) || (says(Self.phrases) && !says(Self.limits)) }

  /// Whether a parameter is refused, whatever its value.
  func refuses(_ name: String) -> Bool { (parameter == name || hasWord(name)) && isRefusal }

  /// Whether the model answers in a stream only.
  var demandsStream: Bool { says(Self.streams) }

  /// Whether the model accepts no instruction as a separate message.
  var refusesSystemMessages: Bool {
    let sentences = [
      "roles must alternate", "developer instruction is not enabled", "'user' or 'assistant'",
      "user and assistant roles", "invalid role: system",
    ]
    return says(sentences) || (isRefusal && says(["system"]) && says(["role", "message", "instruction", "prompt"]))
  }

  /// Whether the text has a name that is not a part of another one.
  private func hasWord(_ name: String) -> Bool {
    text.ranges(of: Array(name.utf8)).contains { range in
      !Self.isPartOfName(text[..<range.lowerBound].last) && !Self.isPartOfName(text[range.upperBound...].first)
    }
  }

  private static func isPartOfName(_ byte: UInt8?) -> Bool {
    guard let byte else { return false }
    return byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }
}
