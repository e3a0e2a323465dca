import Synchronization

/// A number of something, such as bytes or places, of which requests take shares and give them back.
final class Quota: Sendable {
  /// What one request has taken; it is given back when this is let go of.
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

  /// A quota of which nothing is in use.
  init(limit: Int) { self.limit = limit }

  /// A share of so much; nil when there is not enough left. More than the whole is given to one that is alone.
  func take(_ amount: Int) -> Share? {
    let isTaken = used.withLock { used in
      guard used == 0 || used + amount <= limit else { return false }
      used += amount
      return true
    }
    return isTaken ? Share(amount, of: self) : nil
  }

  /// The same, as soon as there is enough left; nil for a task that is cancelled.
  func wait(for amount: Int) async -> Share? {
    while !Task.isCancelled {
      if let share = take(amount) { return share }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return nil
  }
}
