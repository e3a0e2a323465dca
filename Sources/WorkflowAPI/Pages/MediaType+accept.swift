import ExactJSON

extension MediaType {
  /// A range of an `Accept` header with its weight.
  private struct Range {
    let type: ArraySlice<UInt8>
    let subtype: ArraySlice<UInt8>
    let weight: Double

    /// How exactly the range means a type: 2 for its name, 1 for all of its kind, 0 for any; nil where it does not.
    func precision(_ type: String, _ subtype: String) -> Int? {
      let any: [UInt8] = [UInt8(ascii: "*")]
      if self.type.elementsEqual(any) { return self.subtype.elementsEqual(any) ? 0 : nil }
      guard self.type.elementsEqual(type.utf8) else { return nil }
      if self.subtype.elementsEqual(any) { return 1 }
      return self.subtype.elementsEqual(subtype.utf8) ? 2 : nil
    }
  }

  /// Whether a client would rather have HTML than JSON (RFC 9110, section 12.5.1). One that takes both alike, as curl
  /// does with its `*/*`, gets JSON.
  /// - Parameter headers: the values of `Accept`; several form one list.
  static func prefersHTML(_ headers: [String]) -> Bool {
    guard let first = headers.first else { return false }
    if headers.count == 1, first.hasSameScalars(as: "*/*") { return false }
    let list = headers.joined(separator: ",").utf8.map(ASCII.lowercase)
    let ranges = split(list[...], at: UInt8(ascii: ",")).compactMap(range)
    return weight(of: "text", "html", ranges) > weight(of: "application", "json", ranges)
  }

  /// The weight of a type: that of the range that means it most exactly.
  private static func weight(of type: String, _ subtype: String, _ ranges: [Range]) -> Double {
    var best: (precision: Int, weight: Double) = (-1, 0)
    for range in ranges {
      guard let precision = range.precision(type, subtype), precision >= best.precision else { continue }
      best = (precision, precision > best.precision ? range.weight : max(best.weight, range.weight))
    }
    return best.weight
  }

  /// A range; nil for what is none.
  private static func range(_ text: ArraySlice<UInt8>) -> Range? {
    let parts = split(text, at: UInt8(ascii: ";"))
    guard let name = parts.first, let slash = name.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    var weight = 1.0
    for parameter in parts.dropFirst() where parameter.starts(with: "q=".utf8) {
      guard let value = self.weight(parameter.dropFirst(2)) else { return nil }
      weight = value
    }
    return Range(type: name[..<slash], subtype: name[(slash + 1)...], weight: weight)
  }

  /// A weight: 0 to 1 with up to three decimals (RFC 9110, section 12.4.2); nil for another text.
  private static func weight(_ text: ArraySlice<UInt8>) -> Double? {
    guard (1...5).contains(text.count), text.allSatisfy({ $0 == 0x2e || (0x30...0x39).contains($0) }),
      let value = Double(String(decoding: text, as: UTF8.self)), value <= 1
    else { return nil }
    return value
  }

  /// The parts of a list, without blanks at their ends; separators in quoted strings do not count.
  private static func split(_ list: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>] {
    var (isQuoted, isEscaped) = (false, false)
    let parts = list.split(omittingEmptySubsequences: true) { byte in
      defer { isEscaped = isQuoted && !isEscaped && byte == UInt8(ascii: "\\") }
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      return byte == separator && !isQuoted
    }
    return parts.map(ASCII.trimmed)
  }
}
