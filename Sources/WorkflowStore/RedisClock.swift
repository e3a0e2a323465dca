import Glibc
import Synchronization
public import Workflow

/// Redis's clock as far as this process knows it: what the last answer said, and the monotonic time since.
///
/// It is behind by as long as that answer took to come.
public final class RedisClock: Sendable {
  private let origin = RedisClock.monotonicMicroseconds
  /// Redis's clock at the origin, in microseconds since 1970.
  private let base = Atomic(0)

  /// A clock that shows 1970 until the first answer.
  public init() {}

  /// What Redis's clock shows now.
  public var now: Timestamp { Timestamp(microseconds: base.load(ordering: .relaxed) + elapsed) }

  /// The time since this host started. No step of a clock changes it, so that waits within the process count by it.
  public static var uptime: Timestamp { Timestamp(microseconds: monotonicMicroseconds) }

  /// Sets the time from an answer.
  func set(_ microseconds: Int) { base.store(microseconds - elapsed, ordering: .relaxed) }

  private var elapsed: Int { Self.monotonicMicroseconds - origin }

  /// Directly, since `Duration` costs three times as much, and every log entry has a time.
  private static var monotonicMicroseconds: Int {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
  }
}
