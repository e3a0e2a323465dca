import Hiredis
import RedisFixture
import Testing

@testable import WorkflowStore

/// Pages of a store, while values are appended to its list and trimmed from it.
@Suite(.timeLimit(.minutes(2))) struct StoreReadingTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private var key: String { bench.prefix + "store:x" }

  /// One page, and where it ends.
  private func page(
    from cursor: StoreCursor?, limit: Int, room: Int = 1 << 20, isForced: Bool = true
  ) async throws -> StoreReading {
    let partitions = Partitions(bench.store)
    var reading = StoreReading(StoreName("x", of: nil), from: cursor, limit: limit, partitions: 1)
    try await reading.read(partitions, room: room, isForced: isForced)
    return reading
  }

  private func texts(_ reading: StoreReading) -> [String] {
    reading.elements.map { String(decoding: $0, as: UTF8.self) }
  }

  private func append(_ values: [String], keeping most: Int) async throws {
    var command: RedisArguments = ["RPUSH", key]
    for value in values { command.append(value) }
    if !values.isEmpty { _ = try await bench.send(command) }
    try await bench.send("LTRIM", key, "-\(most)", "-1")
  }

  @Test(arguments: 0..<12)
  func `Under appends and trims no value comes twice, and none that stays is left out`(_ seed: Int) async throws {
    var random = SplitMix(seed: UInt64(seed))
    let most = 40
    // Values repeat, as those of steps that run again; in some lists a few of them, in others all with one period.
    let period = [1_000_000, 7, 1, 30][seed % 4]
    var number = 0
    func fresh(_ count: Int) -> [String] {
      (0..<count).map { _ in
        number += 1
        return "\(number % period)" + String(repeating: "y", count: seed % 3 == 0 ? number % 5 : 0)
      }
    }
    try await append(fresh(most - seed % 3), keeping: most)
    for _ in 0..<6 {
      let before = try await bench.list("store:x")
      // How many values of the list at the beginning are still there, counted from its newest.
      var (shown, appended, cursor): ([String], Int, StoreCursor?) = ([], 0, nil)
      repeat {
        let reading = try await page(from: cursor, limit: Int.random(in: 1...6, using: &random))
        shown += texts(reading)
        cursor = reading.cursor
        let count = Int.random(in: 0...5, using: &random)
        // A list that repeats itself as a whole says of no append that it was one.
        if period == 1_000_000 || period == 30 {
          try await append(fresh(count), keeping: most)
          appended += count
        }
      } while cursor?.isAtEnd == false
      let stay = max(0, min(before.count, most - appended))
      // Those that came at last may have gone meanwhile.
      #expect(shown.count >= min(stay, before.count) && shown == Array(before.reversed().prefix(shown.count)))
    }
  }

  @Test func `A value is found again however many have been appended since`() async throws {
    try await append((0..<3_000).map { "a\($0)" }, keeping: 3_000)
    let first = try await page(from: nil, limit: 10)
    #expect(texts(first) == (2_990..<3_000).reversed().map { "a\($0)" })
    try await append((0..<1_500).map { "b\($0)" }, keeping: 3_000)
    let second = try await page(from: first.cursor, limit: 10)
    #expect(texts(second) == (2_980..<2_990).reversed().map { "a\($0)" })
    // Where it is trimmed, all older ones are.
    try await append((0..<2_000).map { "c\($0)" }, keeping: 3_000)
    let third = try await page(from: second.cursor, limit: 10)
    #expect(texts(third) == [] && third.cursor.isAtEnd)
  }

  @Test func `A value that is stored again is not taken for the one where a page has ended`() async throws {
    let repeated = (0..<10).map { "r\($0)" }
    try await append((0..<20).map { "u\($0)" } + repeated, keeping: 30)
    let first = try await page(from: nil, limit: 5)
    #expect(texts(first) == repeated.suffix(5).reversed())
    // Now the same ones lie at the same places, and only the oldest has gone.
    try await append(repeated, keeping: 30)
    let second = try await page(from: first.cursor, limit: 7)
    #expect(texts(second) == repeated.prefix(5).reversed() + ["u19", "u18"])
    try await append(["a", "b"], keeping: 30)
    let third = try await page(from: nil, limit: 2)
    try await append(["a", "y", "z"], keeping: 30)
    #expect(texts(try await page(from: third.cursor, limit: 1)) == ["r9"])
  }

  @Test func `A search that takes long goes on in the next request`() async throws {
    try await append((0..<20_000).map { "a\($0)" }, keeping: 20_000)
    var cursor: StoreCursor? = try await page(from: nil, limit: 10).cursor
    try await append((0..<10_000).map { "b\($0)" }, keeping: 20_000)
    let empty = try await page(from: cursor, limit: 10)
    #expect(empty.elements.isEmpty && !empty.cursor.isAtEnd)
    // More come meanwhile.
    try await append((0..<5).map { "c\($0)" }, keeping: 20_000)
    let second = try await page(from: empty.cursor, limit: 10)
    #expect(texts(second) == (19_980..<19_990).reversed().map { "a\($0)" })
    // A cursor that nobody has given is searched in bounded portions, and leads to an end.
    cursor = StoreCursor("1-0-20000-2-" + String(repeating: "0", count: 24), partitions: 1)
    #expect(cursor != nil)
    var pages = 0
    repeat {
      let reading = try await page(from: cursor, limit: 10)
      #expect(reading.elements.isEmpty)
      cursor = reading.cursor
      pages += 1
    } while cursor?.isAtEnd == false
    #expect(pages > 1)
  }

  @Test func `A page ends before the value that does not fit, and one alone may be longer`() async throws {
    let sizes = [10, 400_000, 20, 3_000_000, 90_000, 90_000, 700_000, 5]
    let values = sizes.enumerated().map { "\($0.offset)" + String(repeating: "z", count: $0.element) }
    try await append(values, keeping: 100)
    let small = try await page(from: nil, limit: 100, room: 65_536, isForced: false)
    #expect(texts(small) == [values[7]] && small.left == values[6].utf8.count)
    var (shown, cursor): ([String], StoreCursor?) = ([], nil)
    repeat {
      let reading = try await page(from: cursor, limit: 100, room: 1 << 20)
      #expect(reading.bytes <= 1 << 20 || reading.elements.count == 1)
      #expect(!reading.elements.isEmpty)
      shown += texts(reading)
      cursor = reading.cursor
    } while cursor?.isAtEnd == false
    #expect(shown == values.reversed())
  }

  @Test func `A store that was removed and made anew is another one`() async throws {
    try await append((0..<20).map { "a\($0)" }, keeping: 100)
    let first = try await page(from: nil, limit: 5)
    #expect(try await Partitions(bench.store).removeStore(StoreName("x", of: nil)))
    #expect(try await Partitions(bench.store).removeStore(StoreName("x", of: nil)) == false)
    let gone = try await page(from: first.cursor, limit: 5)
    #expect(gone.elements.isEmpty && gone.cursor.isAtEnd)
    try await append((0..<20).map { "b\($0)" }, keeping: 100)
    let other = try await page(from: first.cursor, limit: 5)
    #expect(other.elements.isEmpty && other.cursor.isAtEnd)
  }

  @Test(arguments: [
    "", "y", "1", "x_x", "01-0-1-1-" + String(repeating: "a", count: 24), "0_",
    "0-0-1-1-" + String(repeating: "a", count: 24),
    "1-0-1-1-" + String(repeating: "a", count: 23), "1-0-1-1-" + String(repeating: "A", count: 24),
    "-1-0-1-1-" + String(repeating: "a", count: 24), "1-0-1-" + String(repeating: "a", count: 24),
    "1234567890-0-1-1-" + String(repeating: "a", count: 24), "0_0", "1--1-1-" + String(repeating: "a", count: 24),
    "\u{661}-0-1-1-" + String(repeating: "a", count: 24), "999999999-0-1-1-" + String(repeating: "a", count: 25),
  ])
  func `What is no cursor is refused`(_ text: String) {
    #expect(StoreCursor(text, partitions: 1) == nil)
  }
}

/// Numbers that a seed determines.
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
