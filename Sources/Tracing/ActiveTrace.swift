/// The trace of work that is under way: what the work passes on, and where its span goes when it has ended.
///
/// Where nothing records spans, the context that came in is passed on as it is.
public struct ActiveTrace: Sendable, Equatable {
  /// What the work passes on: its parent is the span of the work.
  public let context: TraceContext
  private let outer: SpanID?
  private let recorder: (any SpanRecorder)?

  /// The trace as it came in, before any span of this service.
  /// - Parameter recorder: nil where nothing records spans.
  public init(_ context: TraceContext, recorder: (any SpanRecorder)?) {
    self.init(context, outer: nil, recorder)
  }

  /// The first span of a trace that begins here.
  public init(beginning id: TraceID, _ words: String..., recorder: any SpanRecorder) {
    let span = SpanID.derived(from: id, 0, words)
    self.init(TraceContext(traceID: id, parent: span, isSampled: true), outer: nil, recorder)
  }

  private init(_ context: TraceContext, outer: SpanID?, _ recorder: (any SpanRecorder)?) {
    (self.context, self.outer, self.recorder) = (context, outer, recorder)
  }

  /// Work that this work causes. Its span's id is derived from this one's and the words, which identify it.
  public func child(_ words: String...) -> ActiveTrace {
    guard let recorder else { return self }
    let span = SpanID.derived(from: context.traceID, context.parent.value, words)
    return ActiveTrace(context.with(parent: span), outer: context.parent, recorder)
  }

  /// Whether a span of it is written: callers need not make its attributes otherwise.
  public var isRecorded: Bool { recorder != nil && context.isSampled }

  /// Writes the span of the work, which ends now.
  /// - Parameter start: when it began (``Span/now``).
  public func record(
    _ name: String, _ kind: Span.Kind, from start: UInt64, _ attributes: [Span.Attribute] = [], failure: String? = nil
  ) {
    guard let recorder, context.isSampled else { return }
    recorder.record(
      Span(
        name: name, kind: kind, context: context, parent: outer, start: start, end: max(start, Span.now),
        attributes: attributes, failure: failure))
  }

  /// Whether both are of the same span.
  public static func == (one: Self, other: Self) -> Bool { one.context == other.context }
}
