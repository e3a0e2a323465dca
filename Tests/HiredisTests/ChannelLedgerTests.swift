import Testing

@testable import Hiredis

/// What is sent for which channels, with no socket.
@Suite struct ChannelLedgerTests {
  private var ledger = ChannelLedger()

  private func frame(_ arguments: RedisArguments) -> [UInt8] { arguments.frame }

  @Test mutating func `The server is told of changes only`() {
    ledger.beginAnew()
    ledger.subscribe("a")
    ledger.subscribe("a")
    #expect(ledger.nextFrame() == frame(["SUBSCRIBE", "a"]))
    #expect(ledger.nextFrame() == nil)
    ledger.unsubscribe("a")
    ledger.subscribe("a")
    #expect(ledger.nextFrame() == nil)
    ledger.unsubscribe("a")
    ledger.unsubscribe("never wanted")
    #expect(ledger.nextFrame() == frame(["UNSUBSCRIBE", "a"]))
  }

  @Test mutating func `A fresh connection is told of all channels, in a few commands`() {
    for number in 1...2500 { ledger.subscribe("channel \(number)") }
    ledger.beginAnew()
    var frames = 0
    while ledger.nextFrame() != nil { frames += 1 }
    #expect(frames == 3)
    for number in 1...2499 { ledger.confirm("channel \(number)") }
    #expect(ledger.awaitsReply && !ledger.hasRecovered())
    ledger.confirm("channel 2500")
    #expect(!ledger.awaitsReply && ledger.hasRecovered())
    #expect(ledger.hasRecovered() == false)
  }

  @Test mutating func `A channel given up meanwhile does not hold the recovery up`() {
    ledger.subscribe("a")
    ledger.beginAnew()
    _ = ledger.nextFrame()
    #expect(ledger.hasRecovered() == false)
    ledger.unsubscribe("a")
    #expect(ledger.hasRecovered() == true)
  }

  @Test mutating func `Without channels a fresh connection has recovered at once`() {
    ledger.beginAnew()
    #expect(ledger.hasRecovered() == true)
  }
}
