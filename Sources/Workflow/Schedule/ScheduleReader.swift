public import ExactJSON
public import Scheduling

/// Reads the body of a schedule, or says everything that is wrong with it.
public struct ScheduleReader: Sendable {
  private let definitions: DefinitionReader
  /// Where the time zones are.
  public let zones: TimeZoneFolder

  /// A reader.
  /// - Parameter definitions: reads the run that a schedule starts.
  public init(definitions: DefinitionReader, zones: TimeZoneFolder = .system) {
    self.definitions = definitions
    self.zones = zones
  }

  /// A schedule that can be made.
  public struct Accepted: Sendable {
    /// When it is due, and what becomes of ticks that are missed or that overlap.
    public let specification: ScheduleSpecification
    /// Its times.
    public let schedule: Schedule
    /// The run that it starts.
    public let definition: WorkflowDefinition
    /// The JSON text of the run's steps, defaults filled in.
    public let steps: [UInt8]
    /// The JSON text of the run's inputs.
    public let inputs: [UInt8]
    /// The run as it was submitted, as JSON text.
    public let run: [UInt8]
  }

  /// Why a body is refused.
  public enum Refusal: Error, Sendable {
    /// The body is no JSON.
    case malformed(JSONError)
    /// All that is wrong with it.
    case invalid([ValidationFault])
    /// This host cannot check whether it is right, because of its time zones.
    case host(TimeZoneError)
  }

  /// Reads a body.
  /// - Parameter now: an instant, from which on the schedule must be due within ten years.
  /// - Parameter dayBudget: what calls of models may cost in a day for all runs of the owner, as its key has it.
  public func read(_ body: [UInt8], from now: Int, dayBudget: Cost? = nil) throws(Refusal) -> Accepted {
    let document: JSONDocument
    do { document = try JSONDocument(parsing: body) } catch { throw .malformed(error) }
    var reading = ScheduleReading(zones: zones, now: now)
    let times = try reading.body(document.value)
    let faults = reading.faults
    let source = document.source(of: "run").map { Array($0) }
    do {
      guard let source else { throw DefinitionReader.Faults(faults: []) }
      let parsed = try definitions.parse(source)
      let (definition, steps) = try definitions.read(parsed, dayBudget: dayBudget)
      guard faults.isEmpty, let times else { throw DefinitionReader.Faults(faults: []) }
      return Accepted(
        specification: times.0, schedule: times.1, definition: definition, steps: steps,
        inputs: parsed.document.source(of: "inputs").map { Array($0) } ?? Array("{}".utf8), run: source)
    } catch let error as DefinitionReader.Faults {
      throw .invalid(faults.all + error.faults.map(\.ofScheduledRun))
    } catch {
      // Parsed before, one level deeper.
      throw .invalid(faults.all)
    }
  }
}

extension ValidationFault {
  /// The same fault of a run that is the member `run` of a body.
  fileprivate var ofScheduledRun: Self {
    Self(type, [.key("body"), .key("run")] + location.dropFirst(), message, input: input)
  }
}

/// One pass over a body, which collects faults as it goes; those of the run are not among them.
private struct ScheduleReading {
  let zones: TimeZoneFolder
  let now: Int
  var faults = FaultList()
  private var object = JSONObject()

  init(zones: TimeZoneFolder, now: Int) {
    self.zones = zones
    self.now = now
  }

  private static let keys = [
    "cron", "time_zone", "every_s", "anchor_ts", "missed", "overlap", "paused", "run",
  ]

  /// When the schedule is due, and its times; nil where there is a fault.
  mutating func body(
    _ value: JSONValue
  ) throws(ScheduleReader.Refusal) -> (ScheduleSpecification, Schedule)? {
    guard let object = value.objectValue else {
      let message = "Input should be a valid dictionary or object to extract fields from"
      add(ValidationFault("model_attributes_type", [.key("body")], message, input: value))
      return nil
    }
    self.object = object
    for member in object.members where !Self.keys.contains(where: member.key.hasSameScalars) {
      add(.extraForbidden(place(member.key), member.value, known: Self.keys))
    }
    if object["run"] == nil { add(.missing(place("run"), in: value)) }
    if let start = object["run"]?.objectValue?["run_at"] {
      add(.value(place("run") + [.key("run_at")], start, "a schedule says when its runs start; delay_s is possible"))
    }
    let times = try self.times()
    let missed = text("missed", .oneOf(MissedPolicy.allCases.map(\.rawValue))).flatMap(MissedPolicy.init(rawValue:))
    let overlap = text("overlap", .oneOf(OverlapPolicy.allCases.map(\.rawValue))).flatMap(OverlapPolicy.init(rawValue:))
    let paused = checked("paused", .boolean)
    if missed == .all, overlap == .skip {
      let message = "with \"missed\": \"all\" the run of one tick would keep the next ones from being fired; say wait"
      add(.value(place("overlap"), object["overlap"] ?? .null, message))
    }
    guard faults.isEmpty, let times else { return nil }
    var specification = ScheduleSpecification(times.0)
    specification.missed = missed ?? specification.missed
    specification.overlap = overlap ?? specification.overlap
    specification.isPaused = paused == .bool(true)
    return (specification, times.1)
  }

  private mutating func add(_ fault: ValidationFault) { faults.add(fault) }

  private func place(_ key: String) -> ValidationFault.Location { [.key("body"), .key(key)] }

  /// A member of a kind; nil where it is absent or has a fault.
  private mutating func checked(_ key: String, _ kind: ParameterSchema.Kind) -> JSONValue? {
    guard let value = object[key] else { return nil }
    guard let fault = kind.fault(in: value, at: place(key)) else { return value }
    add(fault)
    return nil
  }

  private mutating func text(_ key: String, _ kind: ParameterSchema.Kind) -> String? {
    checked(key, kind)?.stringValue
  }

  private mutating func refuse(_ key: String, _ message: String) {
    add(.value(place(key), object[key] ?? .null, message))
  }

  /// What makes the times: a cron expression or an interval.
  private mutating func times() throws(ScheduleReader.Refusal) -> (ScheduleSpecification.Rule, Schedule)? {
    switch (object["cron"], object["every_s"]) {
    case (nil, nil):
      let message = "Field required: cron, or every_s in its place"
      add(ValidationFault("missing", place("cron"), message, input: .object(object)))
      return nil
    case (.some, .some):
      refuse("every_s", "a schedule has a cron expression or an interval, not both")
      return nil
    case (.some, nil):
      if object["anchor_ts"] != nil { refuse("anchor_ts", "anchor_ts is for an interval, every_s") }
      return try cron()
    case (nil, .some):
      if object["time_zone"] != nil {
        refuse("time_zone", "time_zone is for a cron expression; an interval has the same length in every zone")
      }
      return interval()
    }
  }

  private mutating func cron() throws(ScheduleReader.Refusal) -> (ScheduleSpecification.Rule, Schedule)? {
    let zone = try zone()
    guard let text = text("cron", .string()) else { return nil }
    do {
      let expression = try CronExpression(text)
      guard let zone else { return nil }
      return (.cron(text, zone: zone.name), try Schedule(expression, in: zone, from: now))
    } catch {
      refuse("cron", "\(error)")
      return nil
    }
  }

  private mutating func zone() throws(ScheduleReader.Refusal) -> TimeZoneData? {
    if object["time_zone"] == nil { return .utc }
    guard let name = text("time_zone", .string()) else { return nil }
    do {
      return try zones.zone(named: name)
    } catch {
      switch error {
      case .invalidName, .unknown, .leapSeconds: refuse("time_zone", "\(error)")
      case .noFolder, .unreadable, .malformed: throw .host(error)
      }
      return nil
    }
  }

  private mutating func interval() -> (ScheduleSpecification.Rule, Schedule)? {
    let seconds = checked("every_s", .integer(1...Schedule.horizon))?.numberValue?.int
    let anchor =
      object["anchor_ts"] == nil
      ? 0 : checked("anchor_ts", .integer(0...Schedule.latestAnchor(from: now)))?.numberValue?.int
    guard let seconds, let anchor, let schedule = try? Schedule(every: seconds, from: anchor) else { return nil }
    return (.interval(seconds: seconds, anchor: anchor), schedule)
  }
}

extension Schedule {
  /// The latest instant at which an interval may begin: ten years from now.
  fileprivate static func latestAnchor(from now: Int) -> Int { max(now, 0) + horizon }
}
