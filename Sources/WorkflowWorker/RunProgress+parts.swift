import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// The parts that operations record while their steps run.
struct StepPartRecords {
  /// The recorded parts of the units that are known in this claim, with those of earlier claims.
  var known: [ExecutionState.Unit: [Int: JSONObject]] = [:]
  /// Parts that the batch to be written has, and that the operations which want to have them recorded wait for.
  var unrecorded: [PartRecord] = []
  /// The same of the batch that is being written.
  var beingRecorded: [PartRecord] = []
  /// How many parts had been recorded when the log said so last.
  var logged: [ExecutionState.Position: Int] = [:]
}

extension RunProgress {
  /// Of how many parts of its total a step logs that they are recorded.
  private static let progressParts = 100

  /// What is recorded of the parts of a step or an item.
  mutating func knownParts(of unit: Unit) -> [Int: JSONObject] {
    if parts.known.isEmpty, !run.hasParts { return [:] }
    if let known = parts.known[unit] { return known }
    let step = step(unit.position)
    if unit.item == nil, step.options.foreach != nil { return [:] }
    let known = run.parts(of: StepUnit(step.id, item: unit.item))
    if !known.isEmpty { parts.known[unit] = known }
    return known
  }

  /// Takes a part into the next batch. One that the limits do not allow is refused.
  mutating func record(_ part: PartRecord) {
    let value = JSONValue.object(part.outputs)
    do throws(StepFailure) {
      _ = try admit(value, repeatedUpTo: 0, noted: 0)
    } catch {
      return part.answer(.failed(error))
    }
    var known = knownParts(of: part.unit)
    known[part.number] = part.outputs
    parts.known[part.unit] = known
    let unit = StepUnit(step(part.unit.position).id, item: part.unit.item, part: part.number)
    batch.item(unit, .outputs(part.outputs))
    parts.unrecorded.append(part)
    logParts(of: part.unit, known.count, part.total)
  }

  /// Logs how many parts of a step are recorded, where the run has room for that; an item logs nothing of its parts.
  private mutating func logParts(of unit: Unit, _ count: Int, _ total: Int) {
    let last = parts.logged[unit.position] ?? 0
    guard unit.item == nil, count > last, (count - last) * Self.progressParts >= total else { return }
    let message = ProgressMessage.stepProgress(
      step: step(unit.position).id, done: min(count, total), failed: 0, total: total)
    guard message.byteCount <= budget.room(logBytes: batch.logBytes) else { return }
    parts.logged[unit.position] = count
    batch.log(message)
  }

  /// Notifies those who wait for the parts of the batch that was taken last: it is written.
  mutating func confirmParts() {
    for part in parts.beingRecorded { part.answer(nil) }
    parts.beingRecorded = []
  }
}
