import Testing

@testable import Hiredis

@Suite struct ShardChannelsTests {
  private func frame(_ commands: RedisArguments...) -> [UInt8] { RedisArguments.frame(of: commands) }

  /// Channels of one slot that are subscribed.
  private func subscribed(_ channels: String...) -> ShardChannels {
    var state = ShardChannels()
    for channel in channels { state.subscribe(channel, hasMoved: false) }
    state.reset()
    _ = state.nextFrame()
    for channel in channels { state.confirm(channel) }
    #expect(state.hasRecovered() == true)
    #expect(!state.awaitsReply)
    return state
  }

  @Test func `Channels of different slots are subscribed by different commands`() {
    var state = ShardChannels()
    for channel in ["{a}1", "{a}2", "{b}1"] { state.subscribe(channel, hasMoved: false) }
    let text = String(decoding: state.nextFrame() ?? [], as: UTF8.self)
    #expect(text.split(separator: "SSUBSCRIBE").count == 3)
    #expect(state.nextFrame() == nil)
    #expect(state.awaitsReply)
  }

  @Test func `A channel that the node has dropped is tried again`() {
    var state = subscribed("{a}1")
    #expect(state.confirmRemoval("{a}1") == false)
    #expect(state.hasRefused)
    #expect(state.nextFrame() == nil)
    #expect(state.hasRecovered() == false)
    state.retry()
    #expect(state.nextFrame() == frame(["SSUBSCRIBE", "{a}1"]))
    state.confirm("{a}1")
    #expect(state.hasRecovered() == true)
    #expect(state.hasRecovered() == false)
  }

  @Test func `A channel that is wanted elsewhere by now is not tried again`() {
    var state = subscribed("{a}1")
    _ = state.confirmRemoval("{a}1")
    state.unsubscribe("{a}1")
    state.retry()
    #expect(state.nextFrame() == nil)
    #expect(!state.hasRefused)
  }

  @Test func `An error refuses all channels of its command, and no other`() {
    var state = subscribed("{a}1")
    state.subscribe("{b}1", hasMoved: true)
    #expect(state.nextFrame() == frame(["SSUBSCRIBE", "{b}1"]))
    state.subscribe("{a}2", hasMoved: false)
    #expect(state.nextFrame() == frame(["SSUBSCRIBE", "{a}2"]))
    state.refuse()
    state.confirm("{a}2")
    #expect(!state.awaitsReply)
    #expect(state.hasRefused)
    #expect(state.hasRecovered() == false)
    state.retry()
    #expect(state.nextFrame() == frame(["SSUBSCRIBE", "{b}1"]))
    state.confirm("{b}1")
    #expect(state.hasRecovered() == true)
  }

  @Test func `What was asked for is told from what the node has done by itself`() {
    var state = subscribed("{a}1", "{a}2")
    state.unsubscribe("{a}1")
    #expect(state.nextFrame() == frame(["SUNSUBSCRIBE", "{a}1"]))
    #expect(state.confirmRemoval("{a}2") == false)
    #expect(state.confirmRemoval("{a}1") == true)
    #expect(!state.awaitsReply)
    #expect(state.hasRefused)
  }

  @Test func `A new socket gets all wanted channels`() {
    var state = subscribed("{a}1", "{a}2")
    state.unsubscribe("{a}2")
    state.discardServerState()
    state.reset()
    #expect(state.nextFrame() == frame(["SSUBSCRIBE", "{a}1"]))
    #expect(state.hasRecovered() == false)
  }
}
