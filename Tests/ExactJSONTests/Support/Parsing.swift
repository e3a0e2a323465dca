import ExactJSON

/// The error that a text is refused with, nil when it is accepted.
func refusal(of text: String, maximumDepth: Int = 128) -> JSONError? {
  refusal(of: Array(text.utf8), maximumDepth: maximumDepth)
}

/// The error that bytes are refused with, nil when they are accepted.
func refusal(of bytes: [UInt8], maximumDepth: Int = 128) -> JSONError? {
  do throws(JSONError) {
    _ = try JSONValue(parsing: bytes, maximumDepth: maximumDepth)
    return nil
  } catch {
    return error
  }
}

/// The bytes of both, one after the other.
func bytes(_ parts: (any Sequence<UInt8>)...) -> [UInt8] {
  parts.flatMap { part in Array(part) }
}
