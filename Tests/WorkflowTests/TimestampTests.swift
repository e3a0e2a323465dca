import Testing
import Workflow

struct TimestampTests {
  @Test(arguments: ["1732387200.123456", "0.000000", "7.000001", "1795852857.900000"])
  func `A time reads and writes alike`(text: String) throws {
    #expect(try #require(Timestamp(bytes(text)[...])).text == text)
  }

  @Test(arguments: [
    "", "1", "1.5", "1.1234567", "a.123456", "1.-23456", "1.2.345678", " 1.123456", "1.+12345", "99999999999999.000000",
  ])
  func `Another form is no time`(text: String) {
    #expect(Timestamp(bytes(text)[...]) == nil)
  }

  @Test func `The earlier of two is the lower`() {
    #expect(Timestamp(microseconds: 999_999) < Timestamp(microseconds: 1_000_000))
  }
}
