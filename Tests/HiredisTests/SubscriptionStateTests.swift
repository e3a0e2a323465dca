import Testing

@testable import Hiredis

/// What is sent for which channels, with no socket.
@Suite struct SubscriptionStateTests {
  private var state = SubscriptionState()

  private func frame(_ arguments: RedisArguments) -> [UInt8] { arguments.frame }

  @Test mutating func `The server is told of changes only`() {
    state.reset()
    state.subscribe("a")
    state.subscribe("a")
    #expect(state.nextFrame() == frame(["SUBSCRIBE", "a"]))
    #expect(state.nextFrame() == nil)
    state.unsubscribe("a")
    state.subscribe("a")
    #expect(state.nextFrame() == nil)
    state.unsubscribe("a")
    state.unsubscribe("never wanted")
    #expect(state.nextFrame() == frame(["UNSUBSCRIBE", "a"]))
  }

  @Test mutating func `A fresh connection is told of all channels, in a few commands`() {
    for number in 1...2500 { state.subscribe("channel \(number)") }
    state.reset()
    var frames = 0
    while state.nextFrame() != nil { frames += 1 }
    #expect(frames == 3)
    for number in 1...2499 { state.confirm("channel \(number)") }
    #expect(state.awaitsReply && !state.hasRecovered())
    state.confirm("channel 2500")
    #expect(!state.awaitsReply && state.hasRecovered())
    #expect(state.hasRecovered() == false)
  }

  @Test mutating func `A channel given up meanwhile does not hold the recovery up`() {
    state.subscribe("a")
    state.reset()
    _ = state.nextFrame()
    #expect(state.hasRecovered() == false)
    state.unsubscribe("a")
    #expect(state.hasRecovered() == true)
  }

  @Test mutating func `Without channels a fresh connection has recovered at once`() {
    state.reset()
    #expect(state.hasRecovered() == true)
  }
}
