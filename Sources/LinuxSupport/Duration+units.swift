extension Duration {
  /// Whole milliseconds, rounded down.
  public var milliseconds: Int { whole(1_000_000_000_000_000) }

  /// Whole microseconds, rounded down.
  public var microseconds: Int { whole(1_000_000_000_000) }

  /// How many whole units it has, of this length in attoseconds. Up to 18 s need no division of 128 bits.
  private func whole(_ unit: UInt64) -> Int {
    if let attoseconds = UInt64(exactly: attoseconds) { return Int(attoseconds / unit) }
    return Int(attoseconds / Int128(unit))
  }
}
