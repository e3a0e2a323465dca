import ExactJSON
import Workflow
import WorkflowStore

/// Reads an entry of the inbox: a run, or why it is none. The body is held to the rules of `POST /workflow/run`.
struct InboxEntryReader: Sendable {
  let definitions: DefinitionReader
  /// Bytes of the largest body (`WF_MAX_BODY_BYTES`).
  let maxBodyBytes: Int

  /// Bytes of the largest entry: a body, and what is around it.
  var maxEntryBytes: Int { maxBodyBytes + (1 << 10) }

  /// What an entry says.
  enum Reading {
    /// A run.
    case run(Submission)
    /// Nothing that can be run; it has an id.
    /// `lacksOperations`: with the operations of another worker it might be a run.
    case faulty(JobID, runName: String, reason: String, callback: String?, lacksOperations: Bool)
    /// Nothing that a job could be made of.
    case refused(String)
  }

  /// The error of a run whose start lies in the past.
  static let pastStart = "the body is refused: body.run_at: Value error, the time has passed"
  private static let form = "an entry is {\"job_id\": UUID, \"body\": {…}}"
  /// Levels of a body, and the one of the entry around it.
  private static let depth = 129

  /// Why an entry is too large to be read; nil when it is not.
  func excess(of entry: InboxEntry) -> String? {
    entry.size <= maxEntryBytes
      ? nil : "it has \(entry.size) bytes; a body may have \(maxBodyBytes) (WF_MAX_BODY_BYTES)"
  }

  /// The id of the job that an entry would be; nil when it has none.
  func id(of entry: InboxEntry) -> JobID? {
    let object =
      (try? JSONDocument(parsing: entry.bytes, maximumDepth: Self.depth))?.value.objectValue
      ?? (try? JSONValue(leniently: entry.bytes, maximumDepth: Self.depth))?.objectValue
    return object?["job_id"]?.stringValue.flatMap { JobID($0) }
  }

  func read(_ entry: InboxEntry) -> Reading {
    if let reason = excess(of: entry) { return .refused(reason) }
    do {
      return read(try JSONDocument(parsing: entry.bytes, maximumDepth: Self.depth))
    } catch {
      // An id that can be read makes the fault known to a client that waits for the job.
      guard let object = try? JSONValue(leniently: entry.bytes, maximumDepth: Self.depth).objectValue,
        let id = object["job_id"]?.stringValue.flatMap({ JobID($0) })
      else { return .refused("it is no JSON: \(error) \(Self.form)") }
      return faulty(id, object, "the entry is no JSON that wf takes: \(error)")
    }
  }

  private func read(_ document: JSONDocument) -> Reading {
    guard let entry = document.value.objectValue else { return .refused("it is no JSON object; \(Self.form)") }
    guard let value = entry["job_id"] else { return .refused("it has no job_id; \(Self.form)") }
    guard let id = value.stringValue.flatMap({ JobID($0) }) else {
      return .refused("its job_id is no UUID: \(value.text.cut(toBytes: 100)); \(Self.form)")
    }
    if let other = entry.members.first(where: { !["job_id", "body"].contains(where: $0.key.hasSameScalars) }) {
      let key = JSONValue.string(other.key.cut(toBytes: 100)).text
      return faulty(id, entry, "the entry has a member \(key); \(Self.form)")
    }
    guard let source = document.source(of: "body") else {
      return faulty(id, entry, "the entry has no body; \(Self.form)")
    }
    guard source.count <= maxBodyBytes else {
      return faulty(id, entry, "the body is larger than \(maxBodyBytes) bytes (WF_MAX_BODY_BYTES)")
    }
    return read(Array(source), of: id, entry)
  }

  private func read(_ body: [UInt8], of id: JobID, _ entry: JSONObject) -> Reading {
    let parsed: DefinitionReader.ParsedBody
    do { parsed = try definitions.parse(body) } catch { return faulty(id, entry, "the body is no JSON: \(error)") }
    do {
      let (definition, steps) = try definitions.read(parsed)
      let inputs = parsed.document.source(of: "inputs").map { Array($0) } ?? Array("{}".utf8)
      return .run(
        Submission(
          id: id, runName: definition.runName, steps: steps, inputs: inputs, requirements: definition.requirements,
          options: definition.options, requestID: "inbox"))
    } catch {
      let faults = error.faults
      return faulty(
        id, entry, "the body is refused: \(ValidationFault.sentence(of: faults))",
        lacksOperations: faults.allSatisfy(\.isOfUnknownOperation))
    }
  }

  private func faulty(
    _ id: JobID, _ entry: JSONObject, _ reason: String, lacksOperations: Bool = false
  ) -> Reading {
    let name = entry["body"]?.objectValue?["run_name"]?.stringValue ?? ""
    let shown = String(String.UnicodeScalarView(name.unicodeScalars.prefix(WorkflowDefinition.Limit.runNameScalars)))
    return .faulty(
      id, runName: shown, reason: reason,
      callback: Callbacks.url(of: entry["body"]?.objectValue, definitions.callbacks), lacksOperations: lacksOperations)
  }
}
