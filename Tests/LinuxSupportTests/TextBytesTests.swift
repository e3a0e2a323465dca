import LinuxSupport
import Testing

@Suite struct TextBytesTests {
  private func text(_ write: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    write(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [0, 7, 10, 99, 100, 1_234_567, -1, -10, Int.max, Int.min])
  func `A number is written in decimal`(_ number: Int) {
    #expect(text { $0.append(decimal: number) } == "\(number)")
  }

  @Test(arguments: [(0, 2, "00"), (7, 3, "007"), (123, 3, "123"), (1_234, 3, "1234"), (5, 0, "5")])
  func `A number has as many digits as are asked for, or more`(_ number: Int, _ digits: Int, _ expected: String) {
    #expect(text { $0.append(decimal: number, digits: digits) } == expected)
  }

  @Test(arguments: ["", "a", "é 😀 and more than a small string holds"])
  func `A text is written in UTF-8`(_ written: String) {
    #expect(text { $0.append(text: written) } == written)
  }

  @Test func `A point in time is before those that follow it, by as long as it takes`() {
    let start = MonotonicInstant.now
    let later = start + .seconds(2)
    #expect(start < later && later - start == .seconds(2) && start - later == .seconds(-2))
    #expect(MonotonicInstant.now >= start)
  }
}
