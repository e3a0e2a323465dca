import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(5))) struct RedisSubscriptionTests {
  /// What a subscription tells.
  enum Event: Equatable {
    case message(String, [UInt8])
    case subscribed(String)
    case connected
  }

  private let server: RedisServer
  private let publisher: RedisConnection
  private let subscription: RedisSubscription
  private let events = Events<Event>()
  private let log = LogEvents()

  init() throws {
    server = RedisServer()
    publisher = RedisConnection(try server.address())
    subscription = Self.subscribe(to: try server.address(), limits: .talkative, events: events, log: log)
  }

  private static func subscribe(
    to address: RedisAddress, limits: LinkLimits, events: Events<Event>, log: LogEvents
  ) -> RedisSubscription {
    RedisSubscription(
      LinkConfiguration(address: address, name: "reader", logger: log.logger, limits: limits),
      .init(
        onMessage: { events.record(.message($0, $1)) }, onSubscribe: { events.record(.subscribed($0)) },
        onConnect: { events.record(.connected) }))
  }

  private func publish(_ channel: String, _ text: String) async throws {
    #expect(try await publisher.send(["PUBLISH", channel, text]) == .integer(1))
  }

  @Test func `Messages of a channel arrive in order from its confirmation on`() async throws {
    await events.next { $0 == .connected }
    subscription.subscribe("a")
    subscription.subscribe("a")
    await events.next { $0 == .subscribed("a") }
    for number in 0..<100 { try await publish("a", "\(number)") }
    let messages = await events.next(100)
    #expect(messages == (0..<100).map { .message("a", Array("\($0)".utf8)) })
  }

  @Test func `A channel that is given up is silent`() async throws {
    subscription.subscribe("a")
    subscription.subscribe("b")
    await events.next { $0 == .subscribed("b") }
    subscription.unsubscribe("a")
    while try await publisher.send(["PUBSUB", "NUMSUB", "a"]).array?.last != .integer(0) {}
    #expect(try await publisher.send(["PUBLISH", "a", "x"]) == .integer(0))
    try await publish("b", "y")
    #expect(await events.next { if case .message = $0 { true } else { false } } == .message("b", [121]))
  }

  @Test func `After a restart all channels are subscribed before readers are told to look`() async throws {
    await events.next { $0 == .connected }
    for channel in 0..<3000 { subscription.subscribe("channel \(channel)") }
    for _ in 0..<3000 { await events.next { $0 != .connected } }
    server.kill()
    server.start()
    await events.next { $0 == .connected }
    let channels = try await publisher.send(["PUBSUB", "CHANNELS"]).array
    #expect(channels?.count == 3000)
    try await publish("channel 2999", "x")
    #expect(await events.next() == .message("channel 2999", [120]))
  }

  @Test func `A channel asked for while the server is away is subscribed when it is back`() async throws {
    await events.next { $0 == .connected }
    server.kill()
    _ = await log.line(containing: "lost")
    subscription.subscribe("a")
    server.start()
    await events.next { $0 == .connected }
    try await publish("a", "x")
  }

  @Test func `A server that falls silent is noticed without any message`() async throws {
    let (events, log) = (Events<Event>(), LogEvents())
    let reader = Self.subscribe(to: try server.address(), limits: .short, events: events, log: log)
    await events.next { $0 == .connected }
    server.pause()
    #expect(await log.line(containing: "no byte arrived") != nil)
    server.resume()
    await events.next { $0 == .connected }
    reader.close()
  }

  @Test func `A closed subscription leaves the server`() async throws {
    await events.next { $0 == .connected }
    subscription.close()
    subscription.close()
    subscription.subscribe("a")
    while try await publisher.send(["CLIENT", "LIST"]).string?.contains("name=reader") == true {}
  }
}
