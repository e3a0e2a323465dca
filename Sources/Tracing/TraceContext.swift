/// The trace that a piece of work belongs to, and the span in it that has caused the work: what the headers
/// `traceparent` and `tracestate` say (W3C Trace Context, level 1).
public struct TraceContext: Sendable, Equatable {
  /// Which trace; never all zeros.
  public let traceID: TraceID
  /// The span that has caused the work.
  public let parent: SpanID
  /// Whether the caller may have recorded the trace: without it no span is written.
  public let isSampled: Bool
  /// What the systems of the trace tell each other, as one header value; nil where there is nothing.
  public let state: String?

  /// A context.
  public init(traceID: TraceID, parent: SpanID, isSampled: Bool, state: String? = nil) {
    (self.traceID, self.parent, self.isSampled, self.state) = (traceID, parent, isSampled, state)
  }

  /// Reads the header `traceparent`; nil where it is to be ignored (section 3.2.2.2). Of versions above 00 the fields
  /// of version 00 are read (section 3.2.4).
  /// - Parameter state: the header `tracestate`; several are joined by commas. One that is malformed is left out.
  public init?(traceparent: String, state: String? = nil) {
    let bytes = Array(traceparent.utf8)
    guard bytes.count >= 55, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
      let version = UInt64(lowercaseHex: bytes[0..<2]), version != 0xff,
      let high = UInt64(lowercaseHex: bytes[3..<19]), let low = UInt64(lowercaseHex: bytes[19..<35]),
      let parent = UInt64(lowercaseHex: bytes[36..<52]).flatMap(SpanID.init),
      let flags = UInt64(lowercaseHex: bytes[53..<55]), let id = TraceID(high, low)
    else { return nil }
    guard bytes.count == 55 || version > 0 && bytes[55] == Self.dash else { return nil }
    self.init(traceID: id, parent: parent, isSampled: flags & 1 == 1, state: state.flatMap(TraceState.init)?.text)
  }

  private static let dash = UInt8(ascii: "-")

  /// The header `traceparent`, of version 00: 55 characters.
  public var traceparent: String { "00-\(traceID)-\(parent)-\(isSampled ? "01" : "00")" }

  /// The headers that continue the trace in another service.
  public var headers: [(name: String, value: String)] {
    [("traceparent", traceparent)] + (state.map { [("tracestate", $0)] } ?? [])
  }

  /// Both headers as one line, the form in which a run keeps them: `traceparent`, and after a blank `tracestate`.
  public var line: String { traceparent + (state.map { " \($0)" } ?? "") }

  /// Reads such a line.
  public init?(line: String) {
    let words = line.split(separator: " ", maxSplits: 1)
    guard let first = words.first else { return nil }
    self.init(traceparent: String(first), state: words.count > 1 ? String(words[1]) : nil)
  }

  /// The same trace, with another span as the one that causes what follows.
  func with(parent: SpanID) -> TraceContext {
    TraceContext(traceID: traceID, parent: parent, isSampled: isSampled, state: state)
  }
}

/// The id of a trace: 16 bytes, not all zero.
public struct TraceID: Sendable, Hashable, CustomStringConvertible {
  let high: UInt64
  let low: UInt64

  /// An id of two halves; nil where both are 0.
  public init?(_ high: UInt64, _ low: UInt64) {
    if high == 0, low == 0 { return nil }
    (self.high, self.low) = (high, low)
  }

  /// Reads 32 lowercase hexadecimal digits, among which there may be dashes, as in a UUID.
  public init?(hex text: String) {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    guard digits.count == 32, let high = UInt64(lowercaseHex: digits[..<16]),
      let low = UInt64(lowercaseHex: digits[16...])
    else { return nil }
    self.init(high, low)
  }

  /// A new id.
  public static func random() -> TraceID {
    TraceID(.random(in: 1 ... .max), .random(in: 0 ... .max)) ?? random()
  }

  /// 32 lowercase hexadecimal digits.
  public var description: String { high.hex + low.hex }
}

/// The id of a span: 8 bytes, not all zero.
public struct SpanID: Sendable, Hashable, CustomStringConvertible {
  let value: UInt64

  /// An id; nil for 0.
  public init?(_ value: UInt64) {
    if value == 0 { return nil }
    self.value = value
  }

  /// A new id.
  public static func random() -> SpanID { SpanID(.random(in: 1 ... .max)) ?? random() }

  /// An id that is the same for the same trace, parent and words, in whichever process and however often: a span that
  /// is written again after a crash has the id that it had. FNV-1a, its bits mixed as by SplitMix64.
  static func derived(from trace: TraceID, _ parent: UInt64, _ words: [String]) -> SpanID {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for number in [trace.high, trace.low, parent] {
      for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }
    for word in words {
      for byte in word.utf8 { add(byte) }
      // No byte of UTF-8: the ends of words count.
      add(0xff)
    }
    hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
    hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
    hash ^= hash >> 31
    return SpanID(hash == 0 ? 1 : hash) ?? random()
  }

  /// 16 lowercase hexadecimal digits.
  public var description: String { value.hex }
}

extension UInt64 {
  /// Reads lowercase hexadecimal digits; nil where there is another character.
  init?(lowercaseHex digits: ArraySlice<UInt8>) {
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    self = value
  }

  fileprivate var hex: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
