import LinuxSupport

/// A token bucket: allows a burst of as many requests as the limit for a second, then refills at the limit's rate.
struct TokenBucket: Sendable {
  private var left: Double
  private var time: MonotonicInstant

  init(full rate: Int, at time: MonotonicInstant) {
    left = Double(rate)
    self.time = time
  }

  /// Takes one.
  /// - Returns: nil, or how long it is until there is one.
  mutating func take(rate: Int, at now: MonotonicInstant) -> Duration? {
    let passed = max(.zero, now - time) / .seconds(1)
    left = min(Double(rate), left + passed * Double(rate))
    time = now
    guard left < 1 else {
      left -= 1
      return nil
    }
    return .milliseconds(Int(((1 - left) / Double(rate) * 1_000).rounded(.up)))
  }
}
