/// Why an address was refused: a sentence that says what to do.
///
/// It never quotes a password.
public struct RedisAddressError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// An error with that sentence.
  init(_ description: String) {
    self.description = description
  }
}
