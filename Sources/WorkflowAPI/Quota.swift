import Synchronization

/// A limited amount, such as of bytes or connections, of which requests acquire shares.
final class Quota: Sendable {
  /// The share of one request; it is released with this object.
  final class Share: Sendable {
    private let amount: Int
    private let quota: Quota

    fileprivate init(_ amount: Int, of quota: Quota) {
      self.amount = amount
      self.quota = quota
    }

    deinit { quota.used.withLock { $0 -= amount } }
  }

  private let limit: Int
  private let used = Mutex(0)

  /// Creates a quota of which nothing is in use.
  init(limit: Int) { self.limit = limit }

  /// Acquires a share; nil if not enough is left. While nothing is in use, a share may be larger than the limit.
  func acquire(_ amount: Int) -> Share? {
    let isAcquired = used.withLock { used in
      guard used == 0 || used + amount <= limit else { return false }
      used += amount
      return true
    }
    return isAcquired ? Share(amount, of: self) : nil
  }

  /// Waits until enough is left and acquires a share; nil in a cancelled task.
  func wait(for amount: Int) async -> Share? {
    while !Task.isCancelled {
      if let share = acquire(amount) { return share }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return nil
  }
}
