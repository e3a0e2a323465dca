import ExactJSON

/// The layout of a finished run's result, as text to be spliced where the documents already lie.
///
/// `{"run_name":…,"inputs":…,"outputs":{step: …},"stores":{namespace: […]}}`: the documents themselves (inputs,
/// outputs, stored values) are named, not copied, so that they need not travel to Redis a second time.
public struct RunResult: Sendable, Equatable {
  /// One piece of the result.
  public enum Piece: Sendable, Equatable {
    /// JSON text.
    case text([UInt8])
    /// The run's inputs as they came in.
    case inputs
    /// The outputs of a step.
    case outputs(step: String)
    /// The value that a step stored.
    case stored(step: String)
  }

  /// The pieces in order.
  public let pieces: [Piece]

  /// Lays out a result.
  /// - Parameters:
  ///   - inputs: their text, where it is at hand; nil to have it spliced in.
  ///   - done: the steps in the order in which they were recorded.
  ///   - stores: per namespace, in order of first use, the steps that stored there, in the order of recording.
  public init(
    runName: String, inputs: [UInt8]? = nil, done: [String], stores: [(namespace: String, steps: [String])]
  ) {
    var builder = Builder()
    builder.append("{\"run_name\":")
    builder.append(quoted: runName)
    builder.append(",\"inputs\":")
    if let inputs { builder.append(inputs) } else { builder.append(.inputs) }
    builder.append(",\"outputs\":{")
    for (index, step) in done.enumerated() {
      builder.append("\(index == 0 ? "" : ",")\"\(step)\":")
      builder.append(.outputs(step: step))
    }
    builder.append("},\"stores\":{")
    for (index, store) in stores.enumerated() {
      if index > 0 { builder.append(",") }
      builder.append(quoted: store.namespace)
      builder.append(":[")
      for (position, step) in store.steps.enumerated() {
        if position > 0 { builder.append(",") }
        builder.append(.stored(step: step))
      }
      builder.append("]")
    }
    builder.append("}}")
    pieces = builder.finish()
  }

  private struct Builder {
    private var pieces: [Piece] = []
    private var text: [UInt8] = []

    mutating func append(_ more: String) { text += more.utf8 }
    mutating func append(_ more: [UInt8]) { text += more }
    mutating func append(quoted string: String) { JSONWriter.append(string: string, to: &text) }
    mutating func append(_ piece: Piece) {
      pieces.append(.text(text))
      text = []
      pieces.append(piece)
    }
    mutating func finish() -> [Piece] { pieces + [.text(text)] }
  }
}
