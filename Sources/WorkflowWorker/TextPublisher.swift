import Synchronization
import WorkflowOperations
import WorkflowStore

/// Publishes the texts that models are writing: ten times a second, what is new of all texts in one call.
///
/// Nothing depends on it: where Redis is away, pieces wait, and a step's outputs are recorded whole.
final class TextPublisher: Sendable {
  /// Sends pieces to Redis, and returns the outcome of each.
  typealias Send = @Sendable ([StreamedPiece]) async -> [PieceOutcome]

  /// How often texts are published.
  private static let interval = Duration.milliseconds(100)
  /// Bytes of one piece at most.
  private static let longestPiece = 64 << 10
  /// Pieces of a call at most.
  private static let mostPieces = 64

  private struct State {
    var dirty: [TextStream] = []
    var isRunning = false
  }

  private let send: Send
  private let state = Mutex(State())

  /// Publishes by a function.
  init(send: @escaping Send) { self.send = send }

  /// The text of an attempt that begins.
  func text(of unit: StepUnit, in run: HeldRun, _ attempt: Int) -> TextStream {
    TextStream(run: run, unit: unit, attempt: attempt) { [weak self] in self?.publish($0) }
  }

  private func publish(_ stream: TextStream) {
    let starts = state.withLock { state in
      state.dirty.append(stream)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if starts { Task { await run() } }
  }

  /// Publishes as long as there is anything to publish.
  private func run() async {
    while true {
      try? await Task.sleep(for: Self.interval)
      let streams = state.withLock { state in
        defer { state.dirty = [] }
        if state.dirty.isEmpty { state.isRunning = false }
        return state.dirty
      }
      if streams.isEmpty { return }
      for start in stride(from: 0, to: streams.count, by: Self.mostPieces) {
        let group = streams[start..<min(start + Self.mostPieces, streams.count)]
        let outcomes = await send(group.map { $0.nextPiece(atMost: Self.longestPiece) })
        for (stream, outcome) in zip(group, outcomes) { stream.settle(outcome) }
      }
    }
  }
}

/// The text that a model writes in one attempt of a step.
final class TextStream: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    /// Bytes that Redis has.
    var published = 0
    var isOver = false
    /// Whether what was sent last says that it is over.
    var isRemoved = false
    /// Whether the run has become another worker's, or has ended: no piece is published any more.
    var isLost = false
    /// Whether a piece was left out because the text is too long.
    var isFull = false
    /// Whether it waits to be published.
    var isDirty = false
    /// Whether nothing of it is published any more.
    var isClosed = false
  }

  /// Bytes of a text that are published at most; who wants more waits for the outputs.
  private static let longest = 1 << 20

  private let run: HeldRun
  private let unit: StepUnit
  private let attempt: Int
  private let publish: @Sendable (TextStream) -> Void
  private let state = Mutex(State())

  fileprivate init(run: HeldRun, unit: StepUnit, attempt: Int, publish: @escaping @Sendable (TextStream) -> Void) {
    self.run = run
    self.unit = unit
    self.attempt = attempt
    self.publish = publish
  }

  /// Appends a piece.
  func append(_ piece: String) {
    change { state in
      state.isFull = state.isFull || state.bytes.count + piece.utf8.count > Self.longest
      guard !piece.isEmpty, !state.isOver, !state.isLost, !state.isFull else { return false }
      state.bytes += piece.utf8
      return true
    }
  }

  /// Says that the attempt has ended. A text of which nothing was written leaves nothing to remove.
  func end() {
    change { state in
      guard !state.isOver else { return false }
      state.isOver = true
      return !state.bytes.isEmpty
    }
  }

  private func change(_ edit: (inout State) -> Bool) {
    let isNew = state.withLock { state in
      guard edit(&state), !state.isDirty, !state.isClosed else { return false }
      state.isDirty = true
      return true
    }
    if isNew { publish(self) }
  }

  /// What is to be published next: a piece, or that the text is over.
  fileprivate func nextPiece(atMost limit: Int) -> StreamedPiece {
    state.withLock { state in
      var end = min(state.bytes.count, state.published + limit)
      // No character is cut.
      while end < state.bytes.count, end > state.published, state.bytes[end] & 0xc0 == 0x80 { end -= 1 }
      let isOver = state.isOver
      state.isRemoved = isOver
      return StreamedPiece(
        run: run, unit: unit, attempt: isOver ? 0 : attempt, offset: isOver ? 0 : state.published,
        text: isOver ? [] : Array(state.bytes[state.published..<end]))
    }
  }

  /// Takes what became of the last piece.
  fileprivate func settle(_ outcome: PieceOutcome) {
    let isLeft = state.withLock { state in
      switch outcome {
      case .unanswered: break
      case .known where state.isRemoved, .lost where state.isRemoved: state.isClosed = true
      case .lost: state.isLost = true
      case .known(let count): state.published = min(count, state.bytes.count)
      }
      let isBehind = !state.isLost && state.published < state.bytes.count
      state.isDirty = !state.isClosed && (state.isOver || isBehind)
      return state.isDirty
    }
    if isLeft { publish(self) }
  }
}
