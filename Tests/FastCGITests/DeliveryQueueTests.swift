import Synchronization
import Testing

@testable import FastCGI

@Suite("The queue of a delivery")
struct DeliveryQueueTests {
  private let told = Told()

  @Test("hands its pieces out in order and in slices, and tells when one is through")
  func slices() {
    var queue = DeliveryQueue()
    #expect(queue.turn(atMost: 3) == .wait)
    _ = queue.append([1, 2, 3, 4]) { [told] in told.add("first", $0) }
    _ = queue.append([5])
    #expect(queue.count == 5)
    #expect(queue.turn(atMost: 3) == .write([1, 2, 3]))
    queue.wrote(3)?(true)
    #expect(told.all == [])
    #expect(queue.turn(atMost: 3) == .write([4]))
    queue.wrote(1)?(true)
    #expect(told.all == ["first true"])
    queue.end()
    #expect(queue.turn(atMost: 3) == .write([5]))
    _ = queue.wrote(1)
    #expect(queue.turn(atMost: 3) == .end)
    let isTaken = queue.append([6])
    #expect(!isTaken)
  }

  @Test("tells everyone who waits when it fails, and takes no more")
  func fails() {
    var queue = DeliveryQueue()
    _ = queue.append([1]) { [told] in told.add("first", $0) }
    _ = queue.append([2]) { [told] in told.add("second", $0) }
    for acknowledge in queue.fail() { acknowledge(false) }
    #expect(told.all == ["first false", "second false"])
    #expect(queue.count == 0)
    let isTaken = queue.append([3])
    #expect(!isTaken)
  }

  private final class Told: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ name: String, _ isWritten: Bool) { texts.withLock { $0.append("\(name) \(isWritten)") } }
  }
}
