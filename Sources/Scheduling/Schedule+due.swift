extension Schedule {
  /// The latest time from one instant to another, both included; nil if there is none.
  ///
  /// The work is that of some 30 calls of ``next(after:)``, however many times there are.
  public func latest(from start: Int, upTo end: Int) -> Int? {
    guard isDue(after: start - 1, upTo: end) else { return nil }
    // There is a time after `low`, up to the end; after `high` there is none.
    var (low, high) = (start - 1, end)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if isDue(after: middle, upTo: end) { low = middle } else { high = middle }
    }
    return next(after: low)
  }

  /// The first times after an instant, up to another one, as many as asked for or as there are.
  public func times(after instant: Int, upTo end: Int, atMost count: Int) -> [Int] {
    var times: [Int] = []
    while times.count < count, let time = next(after: times.last ?? instant), time <= end { times.append(time) }
    return times
  }

  /// The last times after an instant, up to another one, at most a number of them, in order.
  public func lastTimes(after instant: Int, upTo end: Int, atMost count: Int) -> [Int] {
    // After `low` there are more than are wanted, after `high` there are not.
    var (low, high) = (instant, end)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if times(after: middle, upTo: end, atMost: count + 1).count > count { low = middle } else { high = middle }
    }
    let all = times(after: low, upTo: end, atMost: count + 1)
    return all.count > count ? times(after: high, upTo: end, atMost: count) : all
  }

  private func isDue(after instant: Int, upTo end: Int) -> Bool { next(after: instant).map { $0 <= end } ?? false }
}
