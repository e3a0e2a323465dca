import LinuxSupport
import Testing

@testable import Hiredis

/// When a command's time is up, as far as its bytes and those of the answers move.
@Suite struct PipelineProgressTests {
  private let start = MonotonicInstant.now
  private var pipeline = Pipeline<Int>()

  private func at(_ seconds: Int) -> MonotonicInstant { start + .seconds(seconds) }

  /// A command of so many bytes that is patient for five seconds.
  private mutating func enqueue(_ waiter: Int, bytes: Int) {
    pipeline.enqueue(
      frame: Array(repeating: 0, count: bytes), deadline: at(5), timeout: .seconds(5), waiter: waiter)
  }

  private mutating func late(_ seconds: Int) -> [Int] {
    pipeline.expire(at: at(seconds), because: "late").map(\.waiter)
  }

  @Test mutating func `A command whose bytes are being taken has its timeout from the last of them`() {
    enqueue(1, bytes: 1_000)
    _ = pipeline.nextFrame()
    for second in 1...20 {
      pipeline.noteDelivered(second * 10, at: at(second))
      #expect(late(second) == [])
    }
    #expect(late(24) == [])
    #expect(late(25) == [1])
  }

  @Test mutating func `One that waits behind a large command has it too`() {
    enqueue(1, bytes: 1_000)
    _ = pipeline.nextFrame()
    enqueue(2, bytes: 1)
    pipeline.noteDelivered(500, at: at(4))
    enqueue(3, bytes: 1)
    #expect(late(8) == [3])
    #expect(late(9) == [1, 2])
  }

  @Test mutating func `Bytes of later commands do not prolong the wait for an answer`() {
    enqueue(1, bytes: 10)
    _ = pipeline.nextFrame()
    pipeline.noteDelivered(10, at: at(0))
    for second in 1...4 {
      enqueue(second + 1, bytes: 10)
      _ = pipeline.nextFrame()
      pipeline.noteDelivered(10 + second * 10, at: at(second))
    }
    #expect(late(5) == [1])
  }

  @Test mutating func `Bytes of an answer prolong every wait`() {
    for waiter in 1...2 { enqueue(waiter, bytes: 10) }
    while pipeline.nextFrame() != nil {}
    pipeline.noteDelivered(20, at: at(0))
    pipeline.noteReceived(at: at(4))
    #expect(late(8) == [])
    #expect(pipeline.nextDeadline == at(9))
    #expect(late(9) == [1, 2])
  }

  @Test mutating func `Nothing prolongs it while the link is down`() {
    enqueue(1, bytes: 10)
    _ = pipeline.nextFrame()
    pipeline.noteDelivered(5, at: at(1))
    pipeline.rewind()
    #expect(late(5) == [])
    #expect(late(6) == [1])
  }

  @Test mutating func `A repeat counts its bytes from the start`() {
    enqueue(1, bytes: 10)
    _ = pipeline.nextFrame()
    pipeline.noteDelivered(9, at: at(1))
    pipeline.rewind()
    _ = pipeline.nextFrame()
    pipeline.noteDelivered(3, at: at(3))
    #expect(late(7) == [])
    #expect(late(8) == [1])
  }

  @Test(arguments: ["READONLY no", "MASTERDOWN no", "LOADING it", "NOAUTH no"])
  mutating func `A server that does not serve is left, and the command is sent to the next`(line: String) throws {
    enqueue(1, bytes: 1)
    _ = pipeline.nextFrame()
    let answer = RedisReply.error(RedisReplyError(line: line))
    do throws(LinkFailure) {
      _ = try pipeline.receive(answer)
      Issue.record("the socket was to be dropped")
    } catch {
      #expect(error.reason == line)
    }
    // It was not carried out, which its caller learns if no other server comes in time.
    var waiting = pipeline
    let end = waiting.expire(at: at(9), because: "late").first?.result
    #expect(end == .failure(.unavailable(reason: "late", outcomeUnknown: false)))
    pipeline.rewind()
    #expect(pipeline.nextFrame() == [0])
    #expect(try pipeline.receive(.status("OK"))?.waiter == 1)
  }

  @Test(arguments: ["OOM no", "BUSY a script", "UNKILLABLE it wrote", "NOPERM no", "MISCONF disk", "NOREPLICAS no"])
  mutating func `Any other error is the command's answer`(line: String) throws {
    enqueue(1, bytes: 1)
    _ = pipeline.nextFrame()
    let error = RedisReplyError(line: line)
    #expect(try pipeline.receive(.error(error))?.result == .failure(.reply(error)))
  }
}
