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
    /// These pieces, in order: a response as it is on the wire, with its head.
    case pieces([Piece])
  }

  /// A piece of a response, or what happens between two.
  public enum Piece: Sendable {
    /// Bytes, sent by themselves.
    case bytes([UInt8])
    /// This time passes.
    case pause(Duration)
    /// `release()` is waited for, once in a response; no further call comes over the connection.
    case hold
    /// The connection ends by a reset: what the client has not read may be lost.
    case reset
    /// The connection ends.
    case end
  }
}
