import Scheduling
import SeededRandom
import Testing

/// Files of time zones, right and wrong.
@Suite
struct TZifTests {
  /// Two years of Berlin, and two transitions that change no offset.
  private static let berlin = TZifFile(
    transitions: [(1_743_296_400, 1), (1_761_440_400, 0), (1_774_746_000, 1), (1_774_746_001, 2), (1_792_890_000, 0)],
    types: [(3_600, 0), (7_200, 1), (7_200, 0)], indicators: 3, footer: Zones.berlin)

  private func refusal(of bytes: [UInt8]) -> TimeZoneError? {
    do throws(TimeZoneError) {
      _ = try TimeZoneData(name: "Test/Zone", bytes: bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: Array("\u{0}234".utf8))
  func `Every version has its transitions, and from 2 on its rule`(version: UInt8) throws {
    var file = TZifTests.berlin
    file.version = version
    let zone = try TimeZoneData(name: "Europe/Berlin", bytes: file.bytes)
    for (instant, offset) in [
      (Int.min, 3_600), (1_743_296_399, 3_600), (1_743_296_400, 7_200), (1_761_440_399, 7_200), (1_761_440_400, 3_600),
      (1_774_746_000, 7_200), (1_774_746_001, 7_200), (1_792_889_999, 7_200), (1_792_890_000, 3_600),
      (1_806_195_599, 3_600), (1_806_195_600, version == 0 ? 3_600 : 7_200), (1_824_944_400, 3_600),
    ] {
      #expect(zone.offset(at: instant) == offset, "\(instant)")
    }
  }

  @Test func `Without a footer the last offset stays`() throws {
    var file = TZifTests.berlin
    file.footer = ""
    file.transitions.removeLast()
    let zone = try TimeZoneData(name: "Europe/Berlin", bytes: file.bytes)
    #expect(zone.offset(at: .max) == 7_200)
  }

  @Test func `Without transitions the rule holds always, without a rule the first type`() throws {
    var file = TZifFile(types: [(1_800, 0)], footer: "ABC-1")
    #expect(try TimeZoneData(name: "A", bytes: file.bytes).offset(at: .min) == 3_600)
    file.footer = ""
    #expect(try TimeZoneData(name: "A", bytes: file.bytes).offset(at: 0) == 1_800)
  }

  @Test func `Times before 1901 and after 2038 are read from the block of 64 bits`() throws {
    let file = TZifFile(transitions: [(-5_000_000_000, 1), (5_000_000_000, 0)], types: [(0, 0), (-3_600, 0)])
    let zone = try TimeZoneData(name: "A", bytes: file.bytes)
    #expect([-5_000_000_001, -5_000_000_000, 4_999_999_999, 5_000_000_000].map(zone.offset) == [0, -3_600, -3_600, 0])
  }

  @Test func `A file with leap seconds is refused`() {
    #expect(refusal(of: TZifFile(leapSeconds: 2).bytes) == .leapSeconds(name: "Test/Zone"))
  }

  @Test(arguments: [
    ("a transition is at -576460752303423489", TZifFile(transitions: [(-(1 << 59) - 1, 0)])),
    ("a transition is at 9223372036854775807", TZifFile(transitions: [(.max, 0)])),
    ("the transitions are not in order", TZifFile(transitions: [(5, 0), (5, 0)])),
    ("the transitions are not in order", TZifFile(transitions: [(5, 0), (4, 0)])),
    ("there is no type 1", TZifFile(transitions: [(5, 1)])),
    ("an offset is 93600 s", TZifFile(types: [(93_600, 0)])),
    ("an offset is -90000 s", TZifFile(types: [(-90_000, 0)])),
    ("an offset is -2147483648 s", TZifFile(types: [(-2_147_483_648, 0)])),
    ("daylight saving time is marked 2", TZifFile(types: [(0, 2)])),
    ("it has no type of local time", TZifFile(types: [])),
    ("it has no type of local time", TZifFile(characters: [])),
    ("a name of local time is missing", TZifFile(nameStart: 4)),
    ("a name of local time does not end", TZifFile(characters: Array("ABC".utf8))),
    ("2 indicators for 1 types", TZifFile(indicators: 2)),
    ("there is no version 49", TZifFile(version: UInt8(ascii: "1"))),
    (#"the footer is "nonsense""#, TZifFile(footer: "nonsense")),
  ])
  func `A file that is not as it has to be is refused, with the reason`(reason: String, file: TZifFile) {
    let error = refusal(of: file.bytes)
    #expect(error == .malformed(name: "Test/Zone", reason: reason))
    #expect(error?.description == "The data of the time zone Test/Zone are damaged: \(reason).")
  }

  @Test func `A file that was cut is refused at every length`() {
    for file in [TZifTests.berlin, TZifFile(footer: "UTC0")] {
      let bytes = file.bytes
      for count in 0..<bytes.count { #expect(refusal(of: Array(bytes.prefix(count))) != nil, "\(count) bytes") }
      #expect(refusal(of: bytes) == nil)
    }
  }

  @Test func `Counts beyond the file are refused before anything of their size is made`() {
    let bytes = TZifTests.berlin.bytes
    // The six counts of each of the two headers.
    for start in [20, 24, 28, 32, 36, 40, 71, 75, 79, 83, 87, 91] {
      var damaged = bytes
      for index in 0..<4 { damaged[start + index] = 0xFF }
      #expect(refusal(of: damaged) != nil, "\(start)")
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `Damaged files are refused, or are some zone`(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    for round in 0..<3_000 {
      // Other tests wait for this thread.
      if round % 100 == 0 { await Task.yield() }
      var bytes = TZifTests.berlin.bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) { damage(&bytes, &generator) }
      guard let zone = try? TimeZoneData(name: "Test/Zone", bytes: bytes) else { continue }
      accepted += 1
      for instant in [Int.min, -1, 1_750_000_000, 1_774_746_000, .max] {
        let local = zone.local(at: instant)
        #expect((-90_000...93_600).contains(zone.offset(at: instant)))
        #expect(zone.firstInstant(atOrAfter: local) <= max(instant, -62_135_596_800))
      }
      let schedule = try Schedule(CronExpression("30 2 * * *"), in: zone, from: 1_750_000_000)
      let times = schedule.next(20, after: 1_750_000_000)
      #expect(times.count == 20 && zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
    }
    #expect(accepted > 100)
  }

  private func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    let position = Int.random(in: 0..<bytes.count, using: &generator)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
    case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 2: bytes.removeSubrange(position..<min(position + 4, bytes.count))
    case 3: bytes.insert(contentsOf: bytes[position...].prefix(6), at: position)
    default: bytes.removeLast(min(position, 20))
    }
    if bytes.isEmpty { bytes = [0] }
  }
}
