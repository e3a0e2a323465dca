/// The figures of all families at one time, as a scrape shows them.
public struct MetricFigures: Sendable {
  private struct Histogram {
    var buckets: [Int]
    var sum = 0
  }

  private enum Figure {
    case number(Double)
    case count(Int)
    case histogram(Histogram)
  }

  /// Labels, by their bytes.
  private struct Labels: Hashable, Comparable {
    let bytes: [[UInt8]]

    init(_ values: [String]) { bytes = values.map { Array($0.utf8) } }
    var texts: [String] { bytes.map { String(decoding: $0, as: UTF8.self) } }

    static func < (one: Self, other: Self) -> Bool {
      one.bytes.lexicographicallyPrecedes(other.bytes) { $0.lexicographicallyPrecedes($1) }
    }
  }

  private var figures: [String: [Labels: Figure]] = [:]

  /// Figures of nothing.
  public init() {}

  /// Has the counters that are known beforehand begin at 0.
  public mutating func addInitial() {
    for family in MetricFamily.all {
      for labels in family.initial { add(0, to: family, labels) }
    }
  }

  /// Sets what is there now.
  public mutating func set(_ family: MetricFamily, _ labels: [String] = [], to value: Double) {
    figures[family.name, default: [:]][Labels(labels)] = .number(value)
  }

  /// Adds to a counter.
  public mutating func add(_ amount: Int, to family: MetricFamily, _ labels: [String] = []) {
    let labels = Labels(labels)
    var known = 0
    if case .count(let count)? = figures[family.name]?[labels] { known = count }
    figures[family.name, default: [:]][labels] = .count(known.addingReportingOverflow(amount).partialValue)
  }

  /// Adds a sum as it lies in Redis. One of a family that is not known is of a newer version, and left out.
  public mutating func add(_ growth: Meter.Growth) {
    // Bytes, because a label may be any text.
    let head = growth.field.utf8.prefix { $0 != UInt8(ascii: ":") }
    guard let family = MetricFamily.byField[String(decoding: head, as: UTF8.self)] else { return }
    let isHistogram = family.kind == .histogram
    let count = family.labels.count + (isHistogram ? 1 : 0)
    var words: [String] = []
    if count > 0 {
      words = growth.field.utf8.dropFirst(head.count + 1)
        .split(separator: UInt8(ascii: ":"), maxSplits: count - 1, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    }
    let isWhole = head.count == growth.field.utf8.count
    guard words.count == count, isWhole == (count == 0) else { return }
    if isHistogram {
      add(growth.amount, of: words[0], to: family, Labels(Array(words.dropFirst())))
    } else {
      add(growth.amount, to: family, words)
    }
  }

  /// Adds to the part of a histogram. The bounds of an older version may be others: what it counted goes into the
  /// bucket that it fits in.
  private mutating func add(_ amount: Int, of part: String, to family: MetricFamily, _ labels: Labels) {
    var histogram = Histogram(buckets: [Int](repeating: 0, count: family.bounds.count + 1))
    if case .histogram(let known)? = figures[family.name]?[labels] { histogram = known }
    if part == MetricFamily.sum {
      histogram.sum = histogram.sum.addingReportingOverflow(amount).partialValue
    } else {
      guard let bound = part == MetricFamily.rest ? .max : Int(part) else { return }
      let bucket = family.bounds.firstIndex { bound <= $0 } ?? family.bounds.count
      histogram.buckets[bucket] = histogram.buckets[bucket].addingReportingOverflow(amount).partialValue
    }
    figures[family.name, default: [:]][labels] = .histogram(histogram)
  }

  // MARK: As text

  /// The figures in a format of Prometheus.
  public func text(_ format: ExpositionFormat) -> [UInt8] {
    var text = ""
    for family in MetricFamily.all {
      guard let series = figures[family.name] else { continue }
      // OpenMetrics names a counter without the suffix of its samples.
      let isShort = format == .openMetrics && family.kind == .counter
      let name = isShort ? String(family.name.dropLast("_total".count)) : family.name
      text += "# HELP \(name) \(Self.escaped(family.help, quotes: format == .openMetrics))\n"
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, figure) in series.sorted(by: { $0.key < $1.key }) {
        let pairs = zip(family.labels, labels.texts).map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }
        Self.write(figure, of: family, pairs, to: &text)
      }
    }
    if format == .openMetrics { text += "# EOF\n" }
    return Array(text.utf8)
  }

  private static func write(_ figure: Figure, of family: MetricFamily, _ pairs: [String], to text: inout String) {
    func line(_ suffix: String, _ value: String, _ more: [String] = []) {
      let all = (pairs + more).joined(separator: ",")
      text += "\(family.name)\(suffix)\(all.isEmpty ? "" : "{\(all)}") \(value)\n"
    }
    switch figure {
    case .number(let value): line("", shown(value))
    case .count(let count): line("", family.scale == 1 ? "\(count)" : shown(Double(count) / Double(family.scale)))
    case .histogram(let histogram):
      var count = 0
      for (bucket, bound) in zip(histogram.buckets, family.bounds) {
        count += bucket
        line("_bucket", "\(count)", ["le=\"\(Double(bound) / Double(family.scale))\""])
      }
      count += histogram.buckets.last ?? 0
      line("_bucket", "\(count)", [#"le="+Inf""#])
      line("_sum", shown(Double(histogram.sum) / Double(family.scale)))
      line("_count", "\(count)")
    }
  }

  /// A number as both formats read it.
  private static func shown(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    guard text.utf8.contains(where: { [0x5c, 0x0a, 0x22].contains($0) }) else { return text }
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x5c: bytes += [0x5c, 0x5c]
      case 0x0a: bytes += [0x5c, UInt8(ascii: "n")]
      case 0x22 where quotes: bytes += [0x5c, 0x22]
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
