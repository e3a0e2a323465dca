public import ExactJSON

extension ParameterSchema {
  /// What a value must meet besides its kind.
  ///
  /// It is asked twice: for the value as it was written, within which references are plain texts, and for the value
  /// with references resolved. So it must accept a reference where it would accept what that may bring.
  public struct ValueCheck: Sendable, Equatable {
    /// Distinguishes it from other checks.
    public let name: String
    /// What is wrong with a value, as a part of a sentence that repeats nothing secret; nil if nothing is.
    public let problem: @Sendable (JSONValue) -> String?

    /// Creates a check.
    public init(_ name: String, problem: @escaping @Sendable (JSONValue) -> String?) {
      self.name = name
      self.problem = problem
    }

    /// Whether two checks have the same name.
    public static func == (left: Self, right: Self) -> Bool { left.name == right.name }
  }
}
