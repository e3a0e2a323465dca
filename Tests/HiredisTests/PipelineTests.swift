import LinuxSupport
import Testing

@testable import Hiredis

/// What the pipeline decides, with no socket and with numbers for waiters.
@Suite struct PipelineTests {
  private let start = MonotonicInstant.now
  private var pipeline = Pipeline<Int>()

  private mutating func enqueue(_ waiter: Int, seconds: Int = 60) {
    pipeline.enqueue(frame: [UInt8(waiter)], deadline: start + .seconds(seconds), waiter: waiter)
  }

  private mutating func expire(seconds: Int) -> [Int] {
    pipeline.expire(at: start + .seconds(seconds), because: "late").map(\.waiter)
  }

  /// Hands everything to the socket.
  private mutating func sent() -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let frame = pipeline.nextFrame() { frames.append(frame) }
    return frames
  }

  /// Takes so many answers; nil where nobody waited for one.
  private mutating func answers(_ count: Int) throws -> [Int?] {
    try (0..<count).map { _ in try pipeline.receive(.status("OK"))?.waiter }
  }

  @Test mutating func `Answers go to the commands in their order`() throws {
    for waiter in 1...100 { enqueue(waiter) }
    #expect(sent() == (1...100).map { [UInt8($0)] })
    #expect(pipeline.awaitsReply && !pipeline.hasUnsent)
    #expect(try answers(100) == Array(1...100))
    #expect(!pipeline.awaitsReply)
  }

  @Test mutating func `Several commands of one waiter end with their last answer`() throws {
    for waiter in 1...2 { pipeline.enqueue(frame: [UInt8(waiter)], commands: 3, deadline: start, waiter: waiter) }
    enqueue(3)
    _ = sent()
    #expect(try answers(3) == [nil, nil, 1])
    let error = RedisReply.error(RedisReplyError(line: "OOM it"))
    _ = try pipeline.receive(error)
    _ = try pipeline.receive(.integer(7))
    let completion = try pipeline.receive(.null)
    #expect(completion?.waiter == 2 && completion?.result == .success(.array([error, .integer(7), .null])))
    #expect(try answers(1) == [3])
  }

  @Test mutating func `Several commands whose socket is lost between their answers are all sent again`() throws {
    pipeline.enqueue(frame: [1], commands: 2, deadline: start, waiter: 1)
    _ = sent()
    _ = try pipeline.receive(.integer(7))
    pipeline.rewind()
    #expect(sent() == [[1]])
    #expect(try answers(1) == [nil])
    #expect(try pipeline.receive(.integer(9))?.result == .success(.array([.status("OK"), .integer(9)])))
    #expect(!pipeline.awaitsReply)
  }

  @Test mutating func `A late answer is not the next command's`() throws {
    enqueue(1, seconds: 1)
    enqueue(2)
    _ = sent()
    #expect(expire(seconds: 1) == [1])
    #expect(try answers(2) == [nil, 2])
  }

  @Test mutating func `A command whose time is up before it was sent is never sent`() {
    enqueue(1)
    enqueue(2, seconds: 1)
    enqueue(3)
    let first = pipeline.nextFrame()
    let completions = pipeline.expire(at: start + .seconds(2), because: "late")
    #expect(completions.map(\.result) == [.failure(.unavailable(reason: "late", outcomeUnknown: false))])
    #expect(first == [1] && sent() == [[3]])
  }

  @Test mutating func `After a lost socket everything without an answer is sent again in order`() throws {
    for waiter in 1...4 { enqueue(waiter, seconds: waiter) }
    _ = sent()
    #expect(try answers(1) == [1])
    #expect(expire(seconds: 2) == [2])
    pipeline.rewind()
    #expect(sent() == [[3], [4]])
    #expect(try answers(2) == [3, 4])
  }

  @Test mutating func `What was sent once has an unknown outcome, on whatever socket`() {
    enqueue(1)
    enqueue(2)
    _ = pipeline.nextFrame()
    pipeline.rewind()
    let results = pipeline.failAll(because: "closed").map(\.result)
    #expect(
      results == [
        .failure(.unavailable(reason: "closed", outcomeUnknown: true)),
        .failure(.unavailable(reason: "closed", outcomeUnknown: false)),
      ])
    let none = pipeline.failAll(because: "closed")
    #expect(none.isEmpty)
  }

  @Test mutating func `The next deadline is never later than the earliest`() {
    enqueue(1, seconds: 5)
    enqueue(2, seconds: 3)
    enqueue(3, seconds: 9)
    #expect(pipeline.nextDeadline == start + .seconds(3))
    #expect(expire(seconds: 2) == [])
    #expect(expire(seconds: 5) == [1, 2])
    #expect(pipeline.nextDeadline == start + .seconds(9))
    #expect(expire(seconds: 9) == [3])
    #expect(pipeline.nextDeadline == nil)
  }

  @Test mutating func `An answer to no command is a failure`() {
    #expect(throws: LinkFailure.self) { try answers(1) }
  }

  @Test mutating func `Every waiter leaves exactly once, whatever happens in between`() throws {
    var left: [Int] = []
    for waiter in 0..<5000 {
      pipeline.enqueue(
        frame: [1], deadline: start + .seconds(Int.random(in: 0..<5000)), waiter: waiter)
      switch Int.random(in: 0..<10) {
      case 0: pipeline.rewind()
      case 1: left += expire(seconds: waiter)
      case 2...5: _ = sent()
      default: if pipeline.awaitsReply { left += try answers(1).compactMap(\.self) }
      }
    }
    left += pipeline.failAll(because: "closed").map(\.waiter)
    #expect(left.sorted() == Array(0..<5000))
  }
}
