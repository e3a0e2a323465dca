import LinuxSupport
import Synchronization
public import Workflow

/// Redis's clock as far as this process knows it: what the last answer said, and the monotonic time since.
///
/// It is behind by as long as that answer took to come.
public final class RedisClock: Sendable {
  private let origin = ContinuousClock.now
  /// Redis's clock at the origin, in microseconds since 1970.
  private let base = Atomic(0)

  /// A clock that shows 1970 until an answer has told the time.
  public init() {}

  /// What Redis's clock shows now.
  public var now: Timestamp { Timestamp(microseconds: base.load(ordering: .relaxed) + elapsed) }

  /// Takes the time that an answer has brought.
  func set(_ microseconds: Int) { base.store(microseconds - elapsed, ordering: .relaxed) }

  private var elapsed: Int { (ContinuousClock.now - origin).microseconds }
}
