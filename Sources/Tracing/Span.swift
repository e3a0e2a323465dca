import Glibc

/// A piece of work, with its place in a trace and its times.
public struct Span: Sendable {
  /// What a span is of its trace, as OTLP numbers it.
  public enum Kind: Int, Sendable {
    case `internal` = 1
    case server = 2
    case client = 3
  }

  /// A value of an attribute.
  public enum Value: Sendable, Equatable {
    case text(String)
    case number(Int)
    case fraction(Double)
    case truth(Bool)
    case texts([String])
  }

  /// A name and a value.
  public typealias Attribute = (name: String, value: Value)

  /// What the work is, with few different values.
  public let name: String
  /// What it is of its trace.
  public let kind: Kind
  /// Its trace; its parent is the span itself.
  public let context: TraceContext
  /// The span that has caused it; nil for the first of a trace.
  public let parent: SpanID?
  /// When it began, in nanoseconds since 1970.
  public let start: UInt64
  /// When it ended, in nanoseconds since 1970.
  public let end: UInt64
  /// What else is known of it.
  public let attributes: [Attribute]
  /// Why the work has failed; nil where it has not.
  public let failure: String?

  /// Characters of a text that are written.
  static let longestText = 1_024

  /// Bytes of it that are sent, more or less.
  public var size: Int {
    attributes.reduce(320 + name.utf8.count) { sum, attribute in
      switch attribute.value {
      case .text(let text): sum + attribute.name.utf8.count + min(text.utf8.count, 4 * Self.longestText) + 40
      case .texts(let texts): sum + attribute.name.utf8.count + texts.reduce(40) { $0 + $1.utf8.count + 24 }
      default: sum + attribute.name.utf8.count + 60
      }
    } + (failure.map { min($0.utf8.count, 4 * Self.longestText) + 40 } ?? 0)
  }

  /// Now, in nanoseconds since 1970.
  public static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// Takes spans that have ended.
public protocol SpanRecorder: Sendable {
  /// Takes a span; returns at once, and may drop it.
  func record(_ span: Span)
}
