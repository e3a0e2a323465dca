import Glibc

/// A point in time by the clock that is never set and runs on while the machine sleeps (CLOCK_BOOTTIME).
///
/// It is what `ContinuousClock.Instant` is, but of a size that the compiler knows. A structure that contains an instant
/// of the standard library is laid out at run time, and each of its copies looks up how.
public struct MonotonicInstant: Sendable, Comparable {
  private let sinceStart: Duration

  /// The current time.
  public static var now: Self {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Self(sinceStart: .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
  }

  /// The point in time later by a duration.
  public static func + (instant: Self, duration: Duration) -> Self {
    Self(sinceStart: instant.sinceStart + duration)
  }

  /// The time from the second to the first.
  public static func - (later: Self, earlier: Self) -> Duration { later.sinceStart - earlier.sinceStart }

  /// Whether the first one is earlier.
  public static func < (one: Self, other: Self) -> Bool { one.sinceStart < other.sinceStart }
}
