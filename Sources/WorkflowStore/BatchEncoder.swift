import ExactJSON
import Hiredis
import Workflow

/// Writes the words that record.lua takes of one call: the words first, which are counted as they come, then the head.
struct BatchEncoder {
  private let keys: Keys
  private let pending: PendingBatch
  private var body = RedisArguments()
  private var counts: [Int] = []
  private var text: [UInt8] = []

  init(_ keys: Keys, _ pending: PendingBatch) {
    self.keys = keys
    self.pending = pending
    body.reserveCapacity(2_048)
    text.reserveCapacity(512)
    counts.reserveCapacity(5)
  }

  /// The head and the words of a call.
  mutating func words(_ call: BatchCall) -> RedisArguments {
    switch call.content {
    case .batch(let result, let staged): append(pending.batch, result, staged)
    case .documents(let fields):
      counts = [0, 2 * fields.count, 0, 0, 0]
      for field in fields {
        body.append(field.name)
        body.append(field.bytes)
      }
    case .slice(let pieces):
      append(pieces)
      counts = [0, 0, 0, 0, body.count]
    }
    var words = RedisArguments()
    words.reserveCapacity(body.size + 256)
    words.append(head(call))
    words.append(contentsOf: body)
    return words
  }

  private mutating func append(
    _ batch: CheckpointBatch, _ result: [BatchCall.ResultPiece], _ staged: [String: Int]
  ) {
    count { encoder in for item in batch.items { encoder.appendEntry(item) } }
    count { encoder in
      if batch.result == nil { for item in batch.items { encoder.appendDocuments(item, staged) } }
    }
    count { encoder in for (field, value) in batch.facts { encoder.append(field, value) } }
    count { encoder in for item in batch.items { encoder.appendToStore(item) } }
    count { encoder in encoder.append(result) }
  }

  private mutating func count(_ append: (inout BatchEncoder) -> Void) {
    let before = body.count
    append(&self)
    counts.append(body.count - before)
  }

  /// The head as record.lua unpacks it.
  private func head(_ call: BatchCall) -> [UInt8] {
    let batch = pending.batch
    var head: [UInt8] = []
    head.reserveCapacity(224)
    func append(_ word: String) {
      head += word.utf8
      head.append(0)
    }
    func append<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.bigEndian) { head += $0 }
    }
    let inSeveral = call.number > 0 || call.offset != nil
    append(UInt32(body.count))
    append(pending.run.id.description)
    append("\(pending.run.token) \(pending.sequence - 1) 0 ")
    append("\(pending.run.token) \(pending.sequence)")
    append(call.isLast ? batch.end?.name ?? "-" : "part")
    batch.last.write(to: &head)
    head.append(0)
    append(String(bytes(call)))
    let flags = (batch.hasCheckpoint ? 1 : 0) + (batch.hasStepInFlight ? 2 : 0) + (inSeveral ? 4 : 0)
    let digest = call.isLast && batch.result != nil ? batch.stepsDigest : nil
    append(UInt8(flags + (batch.hasEndOptions ? 8 : 0) + (digest == nil ? 0 : 16)))
    for count in counts.dropLast() { append(UInt32(count)) }
    if inSeveral {
      append(UInt32(call.number))
      append(Int64(call.offset ?? -1))
      append(UInt32(call.offset == nil ? 0 : call.total))
    }
    if let digest { append(digest) }
    return head
  }

  /// Bytes of what a reader of the run reads once the call is carried out; Redis adds those of a result whose text it
  /// puts together itself.
  private func bytes(_ call: BatchCall) -> Int {
    guard call.isLast else { return pending.batch.earlierLogBytes }
    guard case .batch(let result, _) = call.content, case .text(let text)? = result.first, result.count == 1,
      call.offset == nil
    else { return pending.batch.bytes }
    return pending.batch.bytes + text.count
  }

  private mutating func append(_ field: String, _ value: String) {
    body.append(field)
    body.append(value)
  }

  private mutating func appendEntry(_ item: CheckpointBatch.Item) {
    guard let message = item.message else { return }
    text.removeAll(keepingCapacity: true)
    switch item {
    case .entry(_, let time), .checkpoint(_, _, _, let time): message.write(at: time, to: &text)
    case .item, .stored, .ended, .attempted: return
    }
    body.append(text)
  }

  private mutating func appendDocuments(_ item: CheckpointBatch.Item, _ staged: [String: Int]) {
    switch item {
    case .entry: break
    case .checkpoint(let step, let outputs, _, _): append(outputs, "out:" + step, staged)
    case .item(let unit, let end): append(end, "item:" + unit.name, staged)
    case .stored(let unit, let order, let namespace, let value):
      append("place:" + unit.name, "\(order)," + JSONValue.string(namespace).text)
      append(value, "stored:" + unit.name, staged)
    case .ended(let step, let end): append("end:" + step, end.text)
    case .attempted(let unit, let attempts): append("try:" + unit.name, attempts.json.text)
    }
  }

  /// A document, or the mark of one whose pieces are written.
  private mutating func append(_ document: [UInt8], _ field: String, _ staged: [String: Int]) {
    body.append(field)
    if let pieces = staged[field] { body.append(RunDocuments.mark(pieces: pieces)) } else { body.append(document) }
  }

  private mutating func appendToStore(_ item: CheckpointBatch.Item) {
    guard case .stored(let unit, _, let namespace, let value) = item else { return }
    body.append(keys.store(namespace, of: pending.batch.owner))
    text.removeAll(keepingCapacity: true)
    JSONWriter.append(verbatim: "{\"job_id\":\"", to: &text)
    JSONWriter.append(verbatim: pending.run.id.description, to: &text)
    JSONWriter.append(verbatim: "\",\"step\":\"", to: &text)
    JSONWriter.append(verbatim: unit.step, to: &text)
    JSONWriter.append(verbatim: unit.item.map { "\",\"item\":\($0),\"data\":" } ?? "\",\"data\":", to: &text)
    text += value
    JSONWriter.append(verbatim: "}", to: &text)
    body.append(text)
  }

  private mutating func append(_ pieces: [BatchCall.ResultPiece]) {
    if case .text(let text)? = pieces.first, pieces.count == 1 { return body.append(text) }
    // One word alone would be taken for the text itself.
    if pieces.count == 1 { body.append("t") }
    for piece in pieces {
      switch piece {
      case .text(let text): body.append([UInt8(ascii: "t")] + text)
      case .field(let name): body.append("o" + name)
      case .inputs(let range?): body.append("d\(range.lowerBound) \(range.upperBound)")
      case .inputs(nil): body.append("d")
      }
    }
  }
}

extension CheckpointBatch {
  /// Bytes of what a reader of the run reads once this is written, but for its result.
  fileprivate var bytes: Int {
    if case .failed = end { logBytes + runDocumentBytes } else { logBytes }
  }

  /// The facts of the job that the head does not say.
  fileprivate var facts: [(field: String, value: String)] {
    var facts = fallbacks > 0 ? [("degraded", "\(fallbacks)")] : []
    if startsModelCalls { facts.append(("models", "1")) }
    switch end {
    case .failed(let failure): facts += [("error_code", failure.code.rawValue), ("error", failure.message)]
    case .parked(let due):  // Redis adds its own clock, which may have gone back.
      facts.append(("due", "\(max(0, due.microseconds - RedisClock.uptime.microseconds) / 1_000)"))
    case nil, .finished, .handedBack: break
    }
    return facts
  }
}

extension CheckpointBatch.End {
  fileprivate var name: String {
    switch self {
    case .finished: "finished"
    case .failed: "failed"
    case .handedBack(let asSuspect): asSuspect ? "suspect" : "queued"
    case .parked: "parked"
    }
  }
}
