import Logging

/// What a link connects to, and how.
struct LinkConfiguration: Sendable {
  /// Where Redis is.
  let address: RedisAddress
  /// The name of the thread, and of the client in `CLIENT LIST`.
  let name: String
  /// Where events are told.
  let logger: Logger
  /// How long it waits for what.
  let limits: LinkLimits
}
