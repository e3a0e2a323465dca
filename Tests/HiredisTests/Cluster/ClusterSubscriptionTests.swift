import RedisFixture
import Testing

@testable import Hiredis

/// Sharded channels of a real Redis Cluster.
@Suite(.timeLimit(.minutes(5))) struct ClusterSubscriptionTests {
  private let connects = Events<Void>()
  private let subscribed = Events<String>()
  private let messages = Events<String>()

  private func subscription(_ cluster: RedisCluster, limits: LinkLimits = LinkLimits()) throws -> RedisSubscription {
    let log = LogEvents()
    return RedisSubscription(
      LinkConfiguration(address: try cluster.address(), name: "test", logger: log.logger, limits: limits),
      .init(
        onMessage: { [messages] channel, payload in
          messages.record("\(channel) \(String(decoding: payload, as: UTF8.self))")
        },
        onSubscribe: { [subscribed] channel in subscribed.record(channel) },
        onConnect: { [connects] in connects.record(()) }))
  }

  /// Sends a message once it reaches a subscriber.
  private func publish(_ text: String, on channel: String, _ redis: RedisConnection) async throws {
    // The message is sent by a script, as wf does.
    let script = RedisScript(name: "publish", source: "#!lua\nreturn redis.call('PUBLISH', KEYS[1], ARGV[1])")
    var arguments = RedisArguments()
    arguments.append(text)
    while try await redis.evaluate(script, keys: [channel], arguments: arguments, timeout: timeout) == .integer(0) {
      try Task.checkCancellation()
    }
  }

  @Test func `Messages of all slots arrive, and none of a channel that was left`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address())
    let subscription = try subscription(cluster)
    let channels = (0..<12).map { "{\($0)}:c" }
    for channel in channels { subscription.subscribe(channel) }
    for channel in channels {
      try await publish("news", on: channel, redis)
      #expect(await messages.next() == "\(channel) news")
    }
    #expect(Set(await subscribed.next(channels.count)) == Set(channels))
    #expect(await connects.next(3).count == 3 && subscription.isConnected)
    subscription.unsubscribe(channels[0])
    subscription.subscribe("{0}:last")
    try await publish("last", on: "{0}:last", redis)
    #expect(try await redis.send(["SPUBLISH", "{0}:c", "gone"]) == .integer(0))
    #expect(await messages.next() == "{0}:last last")
    subscription.close()
    #expect(!subscription.isConnected)
  }

  @Test func `A channel follows its slot to another node, and says that messages may be missing`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address())
    // The node itself says that it serves the slot no more.
    let subscription = try subscription(cluster, limits: .trusting)
    let prefix = cluster.prefix(at: 0)
    let slot = cluster.slot(of: prefix)
    for channel in ["\(prefix)a", "\(prefix)b"] { subscription.subscribe(channel) }
    _ = await subscribed.next(2)
    await connects.next()
    for (source, target) in [(0, 1), (1, 2)] {
      cluster.beginMove(of: slot, from: source, to: target)
      cluster.endMove(of: slot, to: target)
      #expect(Set(await subscribed.next(2)) == ["\(prefix)a", "\(prefix)b"])
      await connects.next()
      try await publish("\(target)", on: "\(prefix)b", redis)
      #expect(await messages.next() == "\(prefix)b \(target)")
    }
    withExtendedLifetime(subscription) {}
  }

  @Test func `A channel follows when a replica is promoted`() async throws {
    let cluster = try await RedisCluster.start(replicas: 1)
    let redis = RedisConnection(try cluster.address())
    let subscription = try subscription(cluster)
    let prefix = cluster.prefix(at: 1)
    subscription.subscribe("\(prefix)c")
    await subscribed.next()
    cluster.servers[1].kill()
    await subscribed.next()
    try await publish("news", on: "\(prefix)c", redis)
    #expect(await messages.next() == "\(prefix)c news")
    withExtendedLifetime(subscription) {}
  }
}
