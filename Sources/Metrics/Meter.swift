import ExactJSON
import LinuxSupport
import Synchronization

/// What one process counts, since it was last taken.
///
/// A count is an addition under a lock that is held for some nanoseconds. Frequent callers should look up their
/// series once.
public final class Meter: Sendable {
  /// A series of a family.
  public struct Series: Sendable {
    /// Its place among the figures; a histogram has one per bucket, and one for the sum.
    fileprivate let first: Int
    fileprivate let bounds: [Int]
  }

  /// A figure that has grown: the name under which the figures of all processes are added up, and by how much.
  public struct Growth: Sendable, Equatable {
    /// The name: family, labels, and of a histogram what is counted, with colons between them.
    public let field: String
    /// By how much.
    public let amount: Int

    /// A figure that has grown.
    public init(_ field: String, _ amount: Int) { (self.field, self.amount) = (field, amount) }
  }

  private struct State {
    var fields: [String] = []
    var amounts: [Int] = []
    /// The places of the figures that are not 0.
    var grown: [Int] = []
    /// By the bytes of family and labels.
    var known: [[UInt8]: Series] = [:]
    /// Series by family.
    var counts: [String: Int] = [:]

    mutating func add(_ place: Int, _ amount: Int) {
      if amounts[place] == 0 { grown.append(place) }
      // Nothing is worth a crash of the process.
      amounts[place] = amounts[place].addingReportingOverflow(amount).partialValue
    }
  }

  /// Series that a family may have in one process; further ones are counted together, as `other`.
  public static let mostSeries = 500
  /// The label of what has no separate series.
  public static let other = "other"
  /// Bytes of a label at most.
  private static let longestLabel = 100

  private let state = Mutex(State())

  /// A meter that has counted nothing.
  public init() {}

  /// The series with these labels, one for each of the family's.
  public func series(_ family: MetricFamily, _ labels: [String] = []) -> Series {
    precondition(labels.count == family.labels.count, "\(family.name) has the labels \(family.labels)")
    let labels = labels.map { $0.cut(toBytes: Self.longestLabel) }
    return state.withLock { state in
      let key = Self.key(family, labels)
      if let known = state.known[key] { return known }
      let count = state.counts[family.field, default: 0]
      if count < Self.mostSeries || labels.isEmpty {
        state.counts[family.field] = count + 1
        return Self.add(family, labels, key, to: &state)
      }
      let others = labels.map { _ in Self.other }
      let common = Self.key(family, others)
      return state.known[common] ?? Self.add(family, others, common, to: &state)
    }
  }

  /// By bytes: a label may be a text that somebody outside has chosen.
  private static func key(_ family: MetricFamily, _ labels: [String]) -> [UInt8] {
    labels.reduce(into: Array(family.field.utf8)) { $0 += [UInt8(ascii: ":")] + $1.utf8 }
  }

  private static func add(
    _ family: MetricFamily, _ labels: [String], _ key: [UInt8], to state: inout State
  ) -> Series {
    let series = Series(first: state.fields.count, bounds: family.bounds)
    if family.kind == .histogram {
      let parts = family.bounds.map { "\($0)" } + [MetricFamily.rest, MetricFamily.sum]
      state.fields += parts.map { ([family.field, $0] + labels).joined(separator: ":") }
    } else {
      state.fields.append(([family.field] + labels).joined(separator: ":"))
    }
    state.amounts += [Int](repeating: 0, count: state.fields.count - state.amounts.count)
    state.known[key] = series
    return series
  }

  /// Counts.
  public func add(_ series: Series, _ amount: Int = 1) {
    guard amount > 0 else { return }
    state.withLock { $0.add(series.first, amount) }
  }

  /// Notes in a histogram how long something took, and counts it.
  /// - Parameter count: a series that grows by one; nil for none.
  public func observe(_ series: Series, _ time: Duration, counting count: Series? = nil) {
    let time = max(0, time.microseconds)
    let bucket = series.bounds.firstIndex { time <= $0 } ?? series.bounds.count
    state.withLock { state in
      state.add(series.first + bucket, 1)
      if time > 0 { state.add(series.first + series.bounds.count + 1, time) }
      if let count { state.add(count.first, 1) }
    }
  }

  /// Takes what has grown since the last call, up to a number of figures; the rest stays for the next one.
  public func take(atMost limit: Int = .max) -> [Growth] {
    state.withLock { state in
      let places = state.grown.prefix(limit)
      state.grown.removeFirst(places.count)
      return places.map { place in
        defer { state.amounts[place] = 0 }
        return Growth(state.fields[place], state.amounts[place])
      }
    }
  }
}

extension MetricFamily {
  /// The name in a histogram's field of the last bucket, and for the sum; for any other its bound in microseconds.
  static let (rest, sum) = ("rest", "sum")
}
