import ExactJSON
import Hiredis
import LinuxSupport
import Workflow

/// What is known of an ended run that is to be run again.
struct FormerRun {
  let graph: StepGraph
  /// The positions of the steps that have failed the run.
  let failed: Set<Int>
  /// Its steps and inputs as they lie in Redis; empty where they lie there still.
  let submitted: [UInt8]
  /// Bytes of its steps and inputs as they lie in Redis.
  let documentBytes: Int
  /// What it has finished with; nil where its outputs lie in Redis.
  let result: FormerResult?
}

/// The result of a finished run, taken apart.
struct FormerResult {
  let outputs: JSONObject
  let stores: JSONObject
  /// The steps that have ended without outputs, and how, as it lies in a run's outputs.
  let ended: [String: String]

  /// Where a value was stored: its namespace and its number there.
  private struct Place {
    let namespace: String
    let number: Int
    let unit: StepUnit
  }

  /// The fields of the outputs that lie in Redis while a run has not finished.
  /// - Parameter dropped: the steps that are left out.
  /// - Throws: `damaged` when outputs and stores do not fit each other.
  func fields(without dropped: Set<String>, of id: JobID) throws(StoreError) -> [(name: String, text: [UInt8])] {
    var fields = outputs.members.filter { !dropped.contains($0.key) }.map { ("out:" + $0.key, $0.value.bytes) }
    for (step, end) in ended where !dropped.contains(step) { fields.append(("end:" + step, Array(end.utf8))) }
    var order = 0
    for (namespace, places) in places {
      let values = stores[namespace]?.arrayValue ?? []
      guard values.count == places.count else {
        throw .damaged("its result does not say which step has stored what in \(namespace)")
      }
      for (place, value) in zip(places, values) {
        defer { order += 1 }
        if dropped.contains(place.unit.step) { continue }
        fields.append(("place:" + place.unit.name, Array("\(order),\(JSONValue.string(namespace).text)".utf8)))
        fields.append(("stored:" + place.unit.name, value.bytes))
      }
    }
    return fields
  }

  /// The places of all values, by namespace in the order of the result, each in the order of recording.
  private var places: [(namespace: String, places: [Place])] {
    var found: [ExactKey: [Place]] = [:]
    func add(_ outputs: JSONObject, _ unit: StepUnit) {
      guard outputs.count == 2, let namespace = outputs["stored_under"]?.stringValue,
        let number = outputs["items"]?.numberValue?.int
      else { return }
      found[ExactKey(namespace), default: []].append(Place(namespace: namespace, number: number, unit: unit))
    }
    for member in outputs.members {
      guard let outputs = member.value.objectValue else { continue }
      add(outputs, StepUnit(member.key))
      for (item, value) in (outputs["items"]?.arrayValue ?? []).enumerated() {
        if let outputs = value.objectValue { add(outputs, StepUnit(member.key, item: item)) }
      }
    }
    return stores.members.map { member in
      (member.key, (found[ExactKey(member.key)] ?? []).sorted { $0.number < $1.number })
    }
  }
}

extension RunStore {
  /// Reads what is needed of an ended run to run it again; nil when its steps are gone.
  /// - Parameters:
  ///   - run: what its job says of it: its class, and of a finished run the digest of its steps.
  ///   - log: its progress log.
  func former(
    _ id: JobID, _ facts: RunFacts, run: String, _ log: [[UInt8]]
  ) async throws(StoreError) -> FormerRun? {
    if facts.status == .finished { return try await finished(id, digest: String(run.dropFirst(9)), log) }
    let beginning = try await send(["GETRANGE", keys.documents(id), "0", "16383"]).bytesValue ?? []
    let length = try await send(["STRLEN", keys.documents(id)]).int ?? 0
    guard let text = try await steps(of: id, beginning: beginning), let steps = Self.definition(text) else {
      return nil
    }
    let names = steps.map { "end:" + $0.id }
    let ends = try await outputs(names, of: id)
    let failed = steps.indices.filter { position in
      guard !steps[position].options.isOptional, let text = ends[names[position]] else { return false }
      return text.first == UInt8(ascii: "{")
    }
    return FormerRun(
      graph: StepGraph(steps), failed: Set(failed), submitted: [], documentBytes: length, result: nil)
  }

  private func finished(_ id: JobID, digest: String, _ log: [[UInt8]]) async throws(StoreError) -> FormerRun? {
    let replies = try await send([["GET", keys.definition(digest)], ["GET", keys.result(id)]])
    guard let text = replies[0].bytesValue, let steps = Self.definition(text), let bytes = replies[1].bytesValue,
      let document = try? JSONDocument(parsing: bytes, maximumDepth: JSONValue.permittedDepths.upperBound),
      let object = document.value.objectValue,
      let inputs = document.source(of: "inputs"), let outputs = object["outputs"]?.objectValue,
      let stores = object["stores"]?.objectValue
    else { return nil }
    var submitted: [UInt8] = []
    submitted.append(decimal: text.count, digits: RunDocuments.headBytes)
    submitted += text
    submitted += inputs
    let result = FormerResult(outputs: outputs, stores: stores, ended: Self.ended(log))
    return FormerRun(
      graph: StepGraph(steps), failed: [], submitted: submitted, documentBytes: submitted.count, result: result)
  }

  static func definition(_ text: [UInt8]) -> [StepDefinition]? {
    (try? JSONValue(deeply: text)).flatMap { StoredSteps(json: $0) }?.steps
  }

  /// The steps of a finished run that its log calls skipped, or failed: those were optional.
  private static func ended(_ log: [[UInt8]]) -> [String: String] {
    var ended: [String: String] = [:]
    for entry in log {
      guard let head = ProgressHead(entry), let step = head.step else { continue }
      switch head.message {
      case "step_reset": ended[step] = nil
      case "step_skipped": ended[step] = #""skipped""#
      case "step_failed":
        let members = String(decoding: head.membersBehindStep, as: UTF8.self)
        ended[step] = #"{\#(members),"order":\#(ended.count),"in_flight":[]}"#
      default: break
      }
    }
    return ended
  }

  /// The progress log of a run.
  func progress(of id: JobID) async throws(StoreError) -> [[UInt8]] {
    try await send(["LRANGE", keys.progress(id), "0", "-1"]).array?.compactMap(\.bytesValue) ?? []
  }

  /// The fields of a run's outputs that go with steps, and the attempts of all.
  /// - Parameter withAllItems: the steps of which the items go, too; of the others only those that have failed.
  func fields(
    of id: JobID, dropped: Set<String>, withAllItems: Set<String>
  ) async throws(StoreError) -> [String] {
    let names = try await send(["HKEYS", keys.outputs(id)]).array?.compactMap(\.string) ?? []
    var fields: [String] = []
    var items: [String] = []
    for name in names {
      let kind = name.prefix { $0 != ":" }
      let document = name.drop { $0 != ":" }.dropFirst().prefix { $0 != "/" }
      let step = StepUnit(name: document).step
      if kind == "try" {
        fields.append(name)
      } else if dropped.contains(step) {
        if kind == "item", !withAllItems.contains(step) { items.append(name) } else { fields.append(name) }
      }
    }
    // A failed item is an array.
    for (name, text) in try await outputs(items, of: id) where text.first == UInt8(ascii: "[") { fields.append(name) }
    return fields
  }

  /// Stores the documents of a run that is to be run again, in portions, to be kept for ten minutes.
  /// - Parameter wish: no other request has it: another one may store the same at the same time.
  /// - Returns: how many fields the outputs have.
  func stage(
    _ fields: [(name: String, text: [UInt8])], submitted: [UInt8], _ id: JobID, by wish: JobID
  ) async throws(StoreError) -> Int {
    var count = 0
    let (hash, text) = (keys.reopenedOutputs(id, by: wish), keys.reopenedDocuments(id, by: wish))
    for range in RunDocuments.ranges(submitted.count) {
      var command: RedisArguments = ["SETRANGE", text, "\(range.lowerBound)"]
      command.append(Array(submitted[range]))
      _ = try await send([command, ["EXPIRE", text, "600"]])
    }
    for field in fields {
      let ranges = RunDocuments.ranges(field.text.count)
      for (number, range) in ranges.enumerated() where ranges.count > 1 {
        try await stage(RunDocuments.name(of: field.name, piece: number), Array(field.text[range]), hash)
      }
      let isWhole = ranges.count <= 1
      try await stage(field.name, isWhole ? field.text : Array(RunDocuments.mark(pieces: ranges.count).utf8), hash)
      count += isWhole ? 1 : ranges.count + 1
    }
    return count
  }

  private func stage(_ name: String, _ text: [UInt8], _ hash: String) async throws(StoreError) {
    var command: RedisArguments = ["HSET", hash]
    command.append(name)
    command.append(text)
    _ = try await send([command, ["EXPIRE", hash, "600"]])
  }
}
