import Hiredis
import Logging
import RedisFixture

/// The messages of one channel, for a test to wait for.
final class Channel: Sendable {
  private let subscription: RedisSubscription
  private let messages: AsyncStream<String>

  /// Listens; returns when Redis has confirmed it.
  init(_ name: String, of server: RedisServer) async throws {
    let (messages, message) = AsyncStream<String>.makeStream()
    let (confirmations, confirmation) = AsyncStream<Void>.makeStream()
    self.messages = messages
    subscription = RedisSubscription(
      try server.address(), name: "test", logger: .silent,
      onMessage: { message.yield(String(decoding: $1, as: UTF8.self)) }, onSubscribe: { _ in confirmation.yield() },
      onConnect: {})
    subscription.subscribe(name)
    for await _ in confirmations { break }
  }

  deinit { subscription.close() }

  /// Waits for the next message.
  func next() async -> String? {
    for await message in messages { return message }
    return nil
  }

  /// Waits until each of these has come, in any order.
  func all(of expected: some Sequence<String>) async {
    var missing = Set(expected)
    while !missing.isEmpty, let message = await next() { missing.remove(message) }
  }
}

extension Logger {
  /// A logger that says nothing.
  static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
