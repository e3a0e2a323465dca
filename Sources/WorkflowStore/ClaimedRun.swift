public import ExactJSON
public import Workflow

/// A run that a worker has in hand: what it needs to go on, and the token that fences its writes.
public struct ClaimedRun: Sendable {
  /// The run's id.
  public let id: JobID
  /// The fencing token of this claim.
  public let token: String
  /// The id of the request that submitted it.
  public let requestID: String
  /// Whether an earlier worker died while a step of it was under way.
  public let isSuspect: Bool
  /// The run.
  public let definition: WorkflowDefinition
  /// The outputs of the steps that are recorded, by step id.
  public let recorded: [String: JSONObject]
  /// What recorded steps stored, in the order of recording.
  public let stored: [StoredValue]

  /// Bytes of all documents of the run, as JSON text.
  public let documentBytes: Int

  /// A value that a step has stored.
  public struct StoredValue: Sendable, Equatable {
    /// Its place among all that the run has stored, from 0.
    public let order: Int
    /// Where it was stored.
    public let namespace: String
    /// The step that stored it.
    public let step: String
  }

  /// The inputs' JSON text where it is short, so that it need not be read again for the result.
  public let shortInputs: [UInt8]?
  private static let longestShortInputs = 1_024

  /// Reads a run from the fields of its job.
  init(id: JobID, token: String, isSuspect: Bool, job: [String: [UInt8]]) throws(StoreError) {
    self.id = id
    self.token = token
    self.isSuspect = isSuspect
    requestID = String(decoding: job["request_id"] ?? [], as: UTF8.self)
    documentBytes = job.reduce(0) { $0 + (ClaimedRun.isDocument($1.key) ? $1.value.count : 0) }
    shortInputs = job["inputs"].flatMap { $0.count <= ClaimedRun.longestShortInputs ? $0 : nil }
    definition = try ClaimedRun.definition(id, String(decoding: job["run_name"] ?? [], as: UTF8.self), job)
    recorded = try ClaimedRun.recorded(id, job)
    stored = try ClaimedRun.stored(id, job)
  }

  private static func isDocument(_ field: String) -> Bool {
    field == "steps" || field == "inputs" || field.hasPrefix("out:") || field.hasPrefix("stored:")
  }

  private static func definition(
    _ id: JobID, _ name: String, _ documents: [String: [UInt8]]
  ) throws(StoreError) -> WorkflowDefinition {
    let steps = try json(documents["steps"], "steps", of: id)
    let inputs = try json(documents["inputs"], "inputs", of: id)
    let parsed = steps.arrayValue?.compactMap(StepDefinition.init(json:))
    guard let parsed, !parsed.isEmpty, parsed.count == steps.arrayValue?.count, let inputs = inputs.objectValue else {
      throw .damaged("the documents of run \(id) have another shape")
    }
    return WorkflowDefinition(runName: name, inputs: inputs, steps: parsed)
  }

  private static func recorded(
    _ id: JobID, _ documents: [String: [UInt8]]
  ) throws(StoreError) -> [String: JSONObject] {
    var recorded: [String: JSONObject] = [:]
    for (field, bytes) in documents where field.hasPrefix("out:") {
      recorded[String(field.dropFirst(4))] = try json(bytes, field, of: id).objectValue
    }
    return recorded
  }

  private static func stored(_ id: JobID, _ documents: [String: [UInt8]]) throws(StoreError) -> [StoredValue] {
    var stored: [StoredValue] = []
    for (field, bytes) in documents where field.hasPrefix("place:") {
      let place = try json([UInt8(ascii: "[")] + bytes + [UInt8(ascii: "]")], field, of: id).arrayValue ?? []
      guard place.count == 2, let order = place[0].numberValue?.int, let namespace = place[1].stringValue else {
        throw .damaged("\(field) of run \(id) has another shape")
      }
      stored.append(StoredValue(order: order, namespace: namespace, step: String(field.dropFirst(6))))
    }
    return stored.sorted { $0.order < $1.order }
  }

  private static func json(_ bytes: [UInt8]?, _ field: String, of id: JobID) throws(StoreError) -> JSONValue {
    guard let bytes else { throw .damaged("run \(id) has no \(field)") }
    do {
      // The depth was bounded when the run came in; outputs may wrap an input a few levels deeper.
      return try JSONValue(parsing: bytes, maximumDepth: JSONValue.permittedDepths.upperBound)
    } catch {
      throw .damaged("\(field) of run \(id): \(error)")
    }
  }
}
