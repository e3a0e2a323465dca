extension ModelServer {
  /// What a call gets.
  public enum Behaviour: Sendable {
    /// An answer made from the call: `Model: ` and the first 40 scalars of the last user message.
    case echo
    /// An answer with this text.
    case answer(text: String)
    /// This response, whatever it says. `Content-Length` is added.
    case status(Int, headers: [(String, String)] = [], body: String = "")
    /// Nothing until `release()`, then an answer as by `echo`. The connection is closed after it.
    case hold
    /// An answer as by `echo`, after this time.
    case slow(Duration)
    /// Status 200 with this body.
    case malformed(String)
    /// Status 200 with these bytes as its body.
    case bytes([UInt8], headers: [(String, String)] = [])
    /// Status 200 and the first half of an answer, then the end of the connection.
    case dieInTheMiddle
    /// The end of the connection, without a word.
    case hangUp
    /// Bytes that are not HTTP, then the end of the connection.
    case garbage
  }
}
