/// Reads a TZif file, versions 1 to 4 (RFC 9636).
///
/// From version 2 on, the first block, of 32-bit times, is skipped. Of the data only the offsets are kept: names of
/// local time and the marks of daylight saving time are checked, not used.
struct TZifReader {
  /// What is wrong with a file.
  enum Fault: Error, Equatable {
    /// A sentence's part that says what.
    case malformed(String)
    /// The file counts leap seconds.
    case leapSeconds
  }

  /// The counts of a header (section 3.1).
  private struct Header {
    let version: UInt8
    let utIndicators, standardIndicators, leapSeconds, transitions, types, characters: Int

    /// The size of the block after the header, in bytes.
    func size(ofTime bytes: Int) -> Int {
      transitions * (bytes + 1) + types * 6 + characters + leapSeconds * (bytes + 4) + standardIndicators
        + utIndicators
    }
  }

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads the data of a zone.
  static func read(_ bytes: [UInt8], name: String, digest: UInt64) throws(Fault) -> TimeZoneData {
    var reader = TZifReader(bytes)
    var header = try reader.header()
    guard header.version > 0 else { return try reader.data(header, timeSize: 4, name: name, digest: digest) }
    _ = try reader.take(header.size(ofTime: 4))
    header = try reader.header()
    guard header.version > 0 else { throw .malformed("the second header has version 1") }
    return try reader.data(header, timeSize: 8, name: name, digest: digest)
  }

  private mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw .malformed("the file ends after \(bytes.count) bytes") }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  private mutating func header() throws(Fault) -> Header {
    guard try take(4).elementsEqual("TZif".utf8) else { throw .malformed("a header does not begin with TZif") }
    let version = try take(16).first ?? 0
    // Later versions are to be read as the latest that is known.
    guard version == 0 || (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(version) else {
      throw .malformed("there is no version \(version)")
    }
    var counts: [Int] = []
    for _ in 0..<6 { counts.append(Int(TZifReader.unsigned(try take(4)))) }
    return Header(
      version: version, utIndicators: counts[0], standardIndicators: counts[1], leapSeconds: counts[2],
      transitions: counts[3], types: counts[4], characters: counts[5])
  }

  private mutating func data(
    _ header: Header, timeSize: Int, name: String, digest: UInt64
  ) throws(Fault) -> TimeZoneData {
    guard header.size(ofTime: timeSize) <= bytes.count - position else {
      throw .malformed("the file ends after \(bytes.count) bytes")
    }
    guard header.types > 0, header.characters > 0 else { throw .malformed("it has no type of local time") }
    for count in [header.utIndicators, header.standardIndicators] where count != 0 && count != header.types {
      throw .malformed("\(count) indicators for \(header.types) types")
    }
    guard header.leapSeconds == 0 else { throw .leapSeconds }
    let transitions = try times(header.transitions, size: timeSize)
    let indices = try take(header.transitions)
    let offsets = try types(header)
    _ = try take(header.standardIndicators + header.utIndicators)
    for index in indices where Int(index) >= offsets.count { throw .malformed("there is no type \(index)") }
    return TimeZoneData(
      name: name, digest: digest, transitions: transitions, offsets: indices.map { offsets[Int($0)] },
      firstOffset: Int(offsets[0]), rule: try footer(header))
  }

  private mutating func times(_ count: Int, size: Int) throws(Fault) -> [Int] {
    var times: [Int] = []
    times.reserveCapacity(count)
    for _ in 0..<count {
      let word = TZifReader.unsigned(try take(size))
      let time = size == 4 ? Int(Int32(truncatingIfNeeded: word)) : Int(Int64(bitPattern: word))
      // Times before -2^59 are not to be used (section 3.2); an offset can be added to all others.
      guard (-(1 << 59)...(1 << 59)).contains(time) else { throw .malformed("a transition is at \(time)") }
      if let last = times.last, last >= time { throw .malformed("the transitions are not in order") }
      times.append(time)
    }
    return times
  }

  /// The offset of each type of local time.
  private mutating func types(_ header: Header) throws(Fault) -> [Int32] {
    let records = try take(header.types * 6)
    let characters = try take(header.characters)
    guard characters.last == 0 else { throw .malformed("a name of local time does not end") }
    var offsets: [Int32] = []
    for start in stride(from: records.startIndex, to: records.endIndex, by: 6) {
      let offset = Int32(truncatingIfNeeded: TZifReader.unsigned(records[start..<(start + 4)]))
      guard Int(offset) > TimeZoneData.lowestOffset, Int(offset) < TimeZoneData.highestOffset else {
        throw .malformed("an offset is \(offset) s")
      }
      guard records[start + 4] <= 1 else { throw .malformed("daylight saving time is marked \(records[start + 4])") }
      guard Int(records[start + 5]) < header.characters else { throw .malformed("a name of local time is missing") }
      offsets.append(offset)
    }
    return offsets
  }

  /// The rule after the last transition (section 3.3); nil where the file has none.
  private mutating func footer(_ header: Header) throws(Fault) -> ZoneRule? {
    guard header.version > 0 else { return nil }
    guard try take(1).first == UInt8(ascii: "\n") else { throw .malformed("the footer does not begin") }
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw .malformed("the footer does not end")
    }
    let text = bytes[position..<end]
    if text.isEmpty { return nil }
    guard let rule = ZoneRule(text) else {
      throw .malformed("the footer is \(Quoted(String(decoding: text, as: UTF8.self)))")
    }
    return rule
  }

  /// A number of up to 8 bytes, the highest first.
  private static func unsigned(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

extension TimeZoneData {
  /// Reads the bytes of a TZif file.
  public init(name: String, bytes: [UInt8]) throws(TimeZoneError) {
    do throws(TZifReader.Fault) {
      self = try TZifReader.read(bytes, name: name, digest: TimeZoneData.digest(of: bytes))
    } catch {
      switch error {
      case .malformed(let reason): throw .malformed(name: name, reason: reason)
      case .leapSeconds: throw .leapSeconds(name: name)
      }
    }
  }

  /// FNV-1a, 64 bits (draft-eastlake-fnv).
  private static func digest(of bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
