/// Waits that double from attempt to attempt, each drawn from zero to its bound, so that a thousand clients of a
/// server that comes back do not all knock at once.
struct Backoff {
  private let first: Duration
  private let longest: Duration
  private var bound: Duration

  /// Bounds from `first`, doubled up to `longest`.
  init(first: Duration, longest: Duration) {
    self.first = first
    self.longest = longest
    bound = first
  }

  /// The wait before the next attempt.
  mutating func next() -> Duration {
    defer { bound = min(bound * 2, longest) }
    return bound * Double.random(in: 0...1)
  }

  /// Begins anew; the last attempt was a success.
  mutating func reset() {
    bound = first
  }
}
