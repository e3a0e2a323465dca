/// The formats in which Prometheus reads figures.
public enum ExpositionFormat: Sendable, Equatable, CaseIterable {
  /// The text format: https://prometheus.io/docs/instrumenting/exposition_formats/.
  case text
  /// OpenMetrics 1.0: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md.
  case openMetrics

  /// The media type, with its parameters.
  public var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  /// The format that a client prefers (RFC 9110, section 12.5.1): OpenMetrics only where it names that type, and likes
  /// the text format no better; a client that names neither gets text.
  /// - Parameter accept: the values of `Accept`.
  public init(accept: [String]) {
    var (text, openMetrics) = (0, 0)
    // Ranges beyond these are of no client that is meant.
    for range in accept.flatMap({ $0.utf8.prefix(4_096).split(separator: UInt8(ascii: ",")) }).prefix(50) {
      let words = range.split(separator: UInt8(ascii: ";")).map { Self.word(Array($0)) }
      guard let type = words.first else { continue }
      if type == Array("text/plain".utf8) { text = max(text, Self.quality(words)) }
      if type == Array("application/openmetrics-text".utf8), Self.isKnownVersion(words) {
        openMetrics = max(openMetrics, Self.quality(words))
      }
    }
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .text
  }

  /// A word in lower case, without the blanks around it.
  private static func word(_ bytes: [UInt8]) -> [UInt8] {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let start = bytes.firstIndex { !isBlank($0) } ?? bytes.endIndex
    let end = (bytes.lastIndex { !isBlank($0) } ?? start - 1) + 1
    return bytes[start..<end].map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
  }

  /// The quality of a range, in thousandths.
  private static func quality(_ words: [[UInt8]]) -> Int {
    guard let word = words.dropFirst().first(where: { $0.starts(with: "q=".utf8) }), word.count <= 7,
      let quality = Double(String(decoding: word.dropFirst(2), as: UTF8.self)), (0...1).contains(quality)
    else { return 1_000 }
    return Int(quality * 1_000)
  }

  private static func isKnownVersion(_ words: [[UInt8]]) -> Bool {
    let versions = words.dropFirst().filter { $0.starts(with: "version=".utf8) }
    return versions.isEmpty || versions.contains(Array("version=1.0.0".utf8))
  }
}
