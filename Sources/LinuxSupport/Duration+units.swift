extension Duration {
  /// Whole milliseconds, rounded down.
  public var milliseconds: Int { Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000) }

  /// Whole microseconds, rounded down.
  public var microseconds: Int { Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000) }
}
