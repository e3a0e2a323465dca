/// A value that is kept apart from what refers to it: so a rare, large part does not make each copy of the whole large.
package final class OutOfLine<Value: Sendable>: Sendable {
  /// The value.
  package let value: Value

  /// Keeps a value.
  package init(_ value: Value) { self.value = value }
}

extension OutOfLine: Equatable where Value: Equatable {
  package static func == (one: OutOfLine, other: OutOfLine) -> Bool { one.value == other.value }
}
