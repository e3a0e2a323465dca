import Synchronization
import Testing

@testable import FastCGI

@Suite
struct WriteBufferTests {
  private let told = Told()

  @Test func `A write buffer returns its pieces in order and in slices, and acknowledges each that is written`() {
    var buffer = WriteBuffer()
    #expect(buffer.next(atMost: 3) == .wait)
    _ = buffer.append([1, 2, 3, 4]) { [told] in told.add("first", $0) }
    _ = buffer.append([5])
    #expect(buffer.count == 5)
    #expect(buffer.next(atMost: 3) == .write([1, 2, 3]))
    buffer.wrote(3)?(true)
    #expect(told.all == [])
    #expect(buffer.next(atMost: 3) == .write([4]))
    buffer.wrote(1)?(true)
    #expect(told.all == ["first true"])
    buffer.end()
    #expect(buffer.next(atMost: 3) == .write([5]))
    _ = buffer.wrote(1)
    #expect(buffer.next(atMost: 3) == .end)
    let isTaken = buffer.append([6])
    #expect(!isTaken)
  }

  @Test func `A write buffer acknowledges every piece as lost when it fails, and accepts no more`() {
    var buffer = WriteBuffer()
    _ = buffer.append([1]) { [told] in told.add("first", $0) }
    _ = buffer.append([2]) { [told] in told.add("second", $0) }
    for acknowledge in buffer.fail() { acknowledge(false) }
    #expect(told.all == ["first false", "second false"])
    #expect(buffer.count == 0)
    let isTaken = buffer.append([3])
    #expect(!isTaken)
  }

  private final class Told: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ name: String, _ isWritten: Bool) { texts.withLock { $0.append("\(name) \(isWritten)") } }
  }
}
