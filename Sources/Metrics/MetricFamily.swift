/// Figures of one kind: a name, and a series for each combination of labels.
///
/// Names, units and types are those of Prometheus' naming conventions: https://prometheus.io/docs/practices/naming/.
public struct MetricFamily: Sendable, Equatable {
  /// How the figures behave.
  public enum Kind: String, Sendable, Equatable {
    /// They only grow.
    case counter
    /// They go up and down.
    case gauge
    /// How many observations were at most so large, by bounds, and the sum of all.
    case histogram
  }

  /// The name that Prometheus shows, a counter's with `_total`.
  public let name: String
  /// How the figures behave.
  public let kind: Kind
  /// The names of the labels, in the order in which values are given. A text that an operator chooses comes last.
  public let labels: [String]
  /// What they mean, in one sentence.
  public let help: String
  /// The upper bounds of a histogram's buckets, in microseconds, rising; the last bucket has none.
  public let bounds: [Int]
  /// How many of what is counted make one of what is shown: seconds are counted in microseconds.
  public let scale: Int
  /// Series that are shown before anything was counted, so that the first count is seen as an increase.
  public let initial: [[String]]

  /// The name of its figures where they are added up: without `wf_` and `_total`.
  let field: String

  private init(
    _ name: String, _ kind: Kind, _ labels: [String], _ help: String, bounds: [Int] = [], scale: Int = 1,
    initial: [[String]]
  ) {
    (self.name, self.kind, self.labels, self.help) = (name, kind, labels, help)
    (self.bounds, self.scale) = (bounds, scale)
    self.initial = labels.isEmpty && kind == .counter ? [[]] : initial
    let end = kind == .counter ? name.dropLast("_total".count) : name[...]
    field = String(end.dropFirst("wf_".count))
  }

  static func counter(
    _ name: String, by labels: [String] = [], scale: Int = 1, initial: [[String]] = [], _ help: String
  ) -> Self { Self(name, .counter, labels, help, scale: scale, initial: initial) }

  static func gauge(_ name: String, by labels: [String] = [], _ help: String) -> Self {
    Self(name, .gauge, labels, help, initial: [])
  }

  /// A histogram of seconds.
  static func seconds(_ name: String, by labels: [String] = [], _ bounds: [Double], _ help: String) -> Self {
    let microseconds = bounds.map { Int(($0 * 1_000_000).rounded()) }
    return Self(name, .histogram, labels, help, bounds: microseconds, scale: 1_000_000, initial: [])
  }

  /// Whether the API reads the figures when it is asked, instead of adding up what processes have counted.
  public var isGauge: Bool { kind == .gauge }
}
