import Workflow

/// What one call writes of a batch. A batch whose documents or result are large is written in several: all but the last
/// only store documents, in pieces, and slices of the result; the last makes them count.
struct BatchCall: Sendable {
  /// A part of a result on its way.
  enum ResultPiece: Sendable, Equatable {
    case text(ArraySlice<UInt8>)
    /// A field of the run's outputs.
    case field(String)
    /// Bytes of the inputs, from a first to a last one; nil for all of them.
    case inputs(ClosedRange<Int>?)
  }

  enum Content: Sendable {
    /// The batch. `result`: the result or its rest, if the run has finished; `staged`: the documents that lie there in
    /// pieces already, and in how many.
    case batch(result: [ResultPiece], staged: [String: Int])
    /// Pieces of documents.
    case documents([(name: String, bytes: ArraySlice<UInt8>)])
    /// A slice of the result.
    case slice([ResultPiece])
  }

  let content: Content
  /// The number of the call before the last, from 1; of the last, how many came before it.
  let number: Int
  /// Bytes of the result before those of this call; nil when there is none, or it is written at once.
  let offset: Int?
  /// Bytes of a result that is written in slices.
  let total: Int

  /// Whether it is the last call of its batch.
  var isLast: Bool {
    if case .batch = content { true } else { false }
  }

  /// The only call of a batch.
  init(_ batch: CheckpointBatch) {
    let pieces = batch.result.map { $0.pieces(lastOutputs: batch.outputs, stored: batch.storedValues) } ?? []
    let result = pieces.map { piece -> ResultPiece in
      switch piece {
      case .text(let text): .text(text[...])
      case .inputs: .inputs(nil)
      case .outputs(let step): .field("out:" + step)
      case .stored(let step): .field("stored:" + step)
      }
    }
    self.init(.batch(result: result, staged: [:]), number: 0)
  }

  fileprivate init(_ content: Content, number: Int, offset: Int? = nil, total: Int = 0) {
    self.content = content
    self.total = total
    self.number = number
    self.offset = offset
  }

  /// About how many bytes the documents take that it brings itself.
  var documentBytes: Int {
    switch content {
    case .batch(let result, _): result.reduce(0) { $0 + $1.textCount }
    case .documents(let fields): fields.reduce(0) { $0 + $1.bytes.count }
    case .slice(let pieces): pieces.reduce(0) { $0 + $1.textCount }
    }
  }
}

extension BatchCall.ResultPiece {
  fileprivate var textCount: Int {
    if case .text(let text) = self { text.count } else { 0 }
  }
}

extension RunDocuments {
  /// The calls that write a batch.
  /// - Parameter documents: how the run's documents lie in Redis; it counts only when the run has finished.
  static func calls(for batch: CheckpointBatch, documents: RunDocuments) -> [BatchCall] {
    if let result = batch.result { return calls(for: batch, documents.placed(result, of: batch)) }
    guard batch.documentBytes > piece else { return [BatchCall(batch)] }
    var staged: [String: Int] = [:]
    var pieces: [(name: String, bytes: ArraySlice<UInt8>)] = []
    for (name, text) in batch.documents where text.count > shortDocument {
      let ranges = ranges(text.count)
      staged[name] = ranges.count
      for (number, range) in ranges.enumerated() {
        pieces.append((Self.name(of: name, piece: number), text[range]))
      }
    }
    let groups = groups(pieces) { $0.bytes.count }
    return groups.enumerated().map { BatchCall(.documents($1), number: $0 + 1) }
      + [BatchCall(.batch(result: [], staged: staged), number: groups.count)]
  }

  /// Documents of a large batch that are not longer go with its last call.
  private static let shortDocument = 4 << 10

  private typealias Placed = (piece: BatchCall.ResultPiece, bytes: Int)

  /// The calls that write a batch with which a run finishes.
  private static func calls(for batch: CheckpointBatch, _ pieces: [Placed]) -> [BatchCall] {
    let total = pieces.reduce(0) { $0 + $1.bytes }
    var groups = groups(pieces) { $0.bytes }
    let rest = groups.popLast() ?? []
    var calls: [BatchCall] = []
    var offset = 0
    for group in groups {
      calls.append(BatchCall(.slice(group.map(\.piece)), number: calls.count + 1, offset: offset, total: total))
      offset += group.reduce(0) { $0 + $1.bytes }
    }
    let last = BatchCall.Content.batch(result: rest.map(\.piece), staged: [:])
    return calls + [BatchCall(last, number: calls.count, offset: calls.isEmpty ? nil : offset, total: total)]
  }

  /// Elements that one call may touch: as many take Redis some 10 ms.
  private static let mostElements = 4_000

  /// Elements in groups that one call may touch.
  private static func groups<Element>(_ elements: [Element], size: (Element) -> Int) -> [[Element]] {
    var groups: [[Element]] = []
    var left = 0
    for element in elements {
      if groups.isEmpty || size(element) > left || groups[groups.count - 1].count >= mostElements {
        groups.append([])
        left = mostPerCall
      }
      groups[groups.count - 1].append(element)
      left -= size(element)
    }
    return groups
  }

  /// The pieces of a result as they lie in Redis, with their bytes; none is longer than `piece`.
  private func placed(_ result: RunResult, of batch: CheckpointBatch) -> [Placed] {
    result.pieces(lastOutputs: batch.outputs, stored: batch.storedValues).flatMap { piece -> [Placed] in
      switch piece {
      case .text(let text): Self.ranges(text.count).map { (.text(text[$0]), $0.count) }
      case .inputs: Self.ranges(inputs).map { (.inputs($0.lowerBound...$0.upperBound - 1), $0.count) }
      case .outputs(let step): fields("out:" + step)
      case .stored(let step): fields("stored:" + step)
      }
    }
  }

  private func fields(_ name: String) -> [Placed] {
    let extent = extent(of: name)
    guard let pieces = extent.pieces else { return [(.field(name), extent.bytes)] }
    return (0..<pieces).map { number in
      let bytes = min(Self.piece, extent.bytes - number * Self.piece)
      return (.field(Self.name(of: name, piece: number)), bytes)
    }
  }

  static func ranges(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: piece).map { $0..<min(count, $0 + piece) }
  }
}

extension CheckpointBatch {
  /// The result, if the run has finished with it.
  var result: RunResult? {
    if case .finished(let result) = end { result } else { nil }
  }

  /// The documents that it brings, by the name of their field.
  fileprivate var documents: [(name: String, text: [UInt8])] {
    items.compactMap { item in
      switch item {
      case .entry, .ended, .attempted: nil
      case .checkpoint(let step, let outputs, _, _): ("out:" + step, outputs)
      case .item(let unit, let end): ("item:" + unit.name, end)
      case .stored(let unit, _, _, let value): ("stored:" + unit.name, value)
      }
    }
  }

  /// The outputs that it brings, in order.
  fileprivate var outputs: [[UInt8]] {
    items.compactMap { item in
      if case .checkpoint(_, let outputs, _, _) = item { outputs } else { nil }
    }
  }

  /// The values for stores that it brings, by step.
  fileprivate var storedValues: [String: [UInt8]] {
    var values: [String: [UInt8]] = [:]
    for case .stored(let unit, _, _, let value) in items { values[unit.name] = value }
    return values
  }
}
