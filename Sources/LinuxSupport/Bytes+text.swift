extension [UInt8] {
  /// Adds a text in UTF-8.
  public mutating func append(text: String) {
    text.utf8.span.withUnsafeBufferPointer { append(contentsOf: $0) }
  }

  /// Adds a number in decimal; one that is not negative has at least this number of digits.
  public mutating func append(decimal number: Int, digits: Int = 1) {
    var (rest, divisor) = (number.magnitude, UInt(1))
    for _ in 1..<Swift.max(1, digits) { divisor *= 10 }
    while rest / divisor >= 10 { divisor *= 10 }
    if number < 0 { append(UInt8(ascii: "-")) }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(rest / divisor))
      rest %= divisor
      divisor /= 10
    }
  }
}
