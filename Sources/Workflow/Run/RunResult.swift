import ExactJSON

/// The layout of a finished run's result.
///
/// `{"run_name":…,"inputs":…,"outputs":{step: …},"stores":{namespace: […]}}`. Documents (inputs, outputs, stored
/// values) that Redis already has are named, to be spliced in there, so that they need not be kept and sent a second
/// time.
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

  private let runName: String
  private let inputs: [UInt8]?
  private let done: [String]
  private let stores: [Store]

  private struct Store: Sendable, Equatable {
    let namespace: String
    let steps: [String]
  }

  /// Lays out a result.
  /// - Parameters:
  ///   - inputs: their text, where it is at hand; nil to have it spliced in.
  ///   - done: the steps in the order in which they were recorded.
  ///   - stores: per namespace, in order of first use, the steps that stored there, in the order of recording.
  public init(
    runName: String, inputs: [UInt8]? = nil, done: [String], stores: [(namespace: String, steps: [String])]
  ) {
    self.runName = runName
    self.inputs = inputs
    self.done = done
    self.stores = stores.map { Store(namespace: $0.namespace, steps: $0.steps) }
  }

  /// The pieces in order; a document is named where its text is not at hand.
  /// - Parameters:
  ///   - outputs: the texts of the outputs that were recorded last, in their order.
  ///   - stored: the texts of stored values at hand, by step.
  public func pieces(lastOutputs outputs: [[UInt8]] = [], stored: [String: [UInt8]] = [:]) -> [Piece] {
    let first = done.count - outputs.count
    var builder = Builder(capacity: 512 + outputs.reduce(inputs?.count ?? 0) { $0 + $1.count })
    builder.append("{\"run_name\":")
    builder.append(quoted: runName)
    builder.append(",\"inputs\":")
    builder.append(inputs, or: .inputs)
    builder.append(",\"outputs\":{")
    for (index, step) in done.enumerated() {
      builder.append(index == 0 ? "\"" : ",\"")
      builder.append(step)
      builder.append("\":")
      builder.append(index < first ? nil : outputs[index - first], or: .outputs(step: step))
    }
    builder.append("},\"stores\":{")
    for (index, store) in stores.enumerated() {
      if index > 0 { builder.append(",") }
      builder.append(quoted: store.namespace)
      builder.append(":[")
      for (position, step) in store.steps.enumerated() {
        if position > 0 { builder.append(",") }
        builder.append(stored[step], or: .stored(step: step))
      }
      builder.append("]")
    }
    builder.append("}}")
    return builder.finish()
  }

  private struct Builder {
    private var pieces: [Piece] = []
    private var text: [UInt8] = []

    init(capacity: Int) { text.reserveCapacity(capacity) }

    mutating func append(_ more: String) { JSONWriter.append(verbatim: more, to: &text) }
    mutating func append(quoted string: String) { JSONWriter.append(string: string, to: &text) }
    mutating func append(_ document: [UInt8]?, or piece: Piece) {
      if let document {
        text += document
        return
      }
      pieces.append(.text(text))
      text = []
      pieces.append(piece)
    }
    mutating func finish() -> [Piece] { pieces + [.text(text)] }
  }
}
