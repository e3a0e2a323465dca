import Scheduling

/// A TZif file to be written, right or wrong as a test wants it.
struct TZifFile {
  /// The version's character; 0 for version 1.
  var version = UInt8(ascii: "2")
  /// Instants, and the position of the type that begins there.
  var transitions: [(instant: Int, type: UInt8)] = []
  /// Offsets from UTC in seconds, and marks of daylight saving time.
  var types: [(offset: Int, isDaylight: UInt8)] = [(0, 0)]
  /// Where the name of each type begins in `characters`.
  var nameStart: UInt8 = 0
  var characters = Array("ABC\0".utf8)
  var leapSeconds = 0
  var indicators = 0
  /// The text between the line feeds.
  var footer = ""

  /// The file. Its block of 32-bit times is empty but for version 1, as `zic -b slim` writes it.
  var bytes: [UInt8] {
    if version == 0 { return header(isEmpty: false) + block(timeSize: 4) }
    return header(isEmpty: true) + [0, 0, 0, 0, 0, 0, 0] + header(isEmpty: false) + block(timeSize: 8)
      + Array("\n\(footer)\n".utf8)
  }

  private func header(isEmpty: Bool) -> [UInt8] {
    let counts =
      isEmpty
      ? [0, 0, 0, 0, 1, 1] : [indicators, indicators, leapSeconds, transitions.count, types.count, characters.count]
    return Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15) + counts.flatMap { big($0, 4) }
  }

  private func block(timeSize: Int) -> [UInt8] {
    var block: [UInt8] = []
    for transition in transitions { block += big(transition.instant, timeSize) }
    block += transitions.map(\.type)
    for type in types { block += big(type.offset, 4) + [type.isDaylight, nameStart] }
    block += characters
    for count in 0..<leapSeconds { block += big(count * 100_000_000, timeSize) + big(count, 4) }
    return block + [UInt8](repeating: 0, count: indicators * 2)
  }

  private func big(_ number: Int, _ size: Int) -> [UInt8] {
    (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
  }
}

extension TimeZoneData {
  /// A zone without transitions, by a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
  static func rule(_ text: String) throws -> TimeZoneData {
    try TimeZoneData(name: "Test/Rule", bytes: TZifFile(version: UInt8(ascii: "3"), footer: text).bytes)
  }

  /// A zone with transitions and no rule: the offset before them, and the instants at which others begin.
  static func table(from offset: Int, _ transitions: [(String, Int)]) throws -> TimeZoneData {
    let types = [(offset, UInt8(0))] + transitions.map { ($0.1, UInt8(0)) }
    let places = try transitions.enumerated().map { (instant: try instant($1.0), type: UInt8($0 + 1)) }
    return try TimeZoneData(name: "Test/Table", bytes: TZifFile(transitions: places, types: types).bytes)
  }
}
