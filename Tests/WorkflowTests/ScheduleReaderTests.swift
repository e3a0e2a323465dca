import ExactJSON
import Scheduling
import Testing
import Workflow

/// What the body of a schedule may say, and every fault of it.
@Suite struct ScheduleReaderTests {
  private static let reader = ScheduleReader(definitions: .sample)
  private static let run = #""run":{"run_name":"r","steps":[{"id":"a","op":"wait"}]}"#
  private static let now = 1_795_997_225

  private func faults(_ body: String, reader: ScheduleReader = reader) throws -> [String] {
    do {
      _ = try reader.read(bytes(body), from: Self.now)
      return []
    } catch {
      guard case .invalid(let faults) = error else { throw error }
      return faults.map { fault in
        let place = (fault.json.objectValue?["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.text }
        return "\(fault.type) at \(place.joined(separator: ".")): \(fault.message)"
      }
    }
  }

  private func accepted(_ members: String) throws -> ScheduleReader.Accepted {
    try Self.reader.read(bytes("{\(members),\(Self.run)}"), from: Self.now)
  }

  @Test func `What is left out has a default`() throws {
    let cron = try accepted(#""cron":"0 9 * * mon-fri""#)
    #expect(
      cron.specification.json == [
        "cron": "0 9 * * mon-fri", "time_zone": "UTC", "missed": "once", "overlap": "allow", "paused": false,
      ])
    let every = try accepted(#""every_s":300"#)
    #expect(
      every.specification.json == [
        "every_s": 300, "anchor_ts": 0, "missed": "once", "overlap": "allow", "paused": false,
      ])
    #expect(every.schedule.next(after: 301) == 600)
  }

  @Test func `What is said is read again as it was written`() throws {
    let text = #""cron":"@daily","time_zone":"Europe/Berlin","missed":"all","overlap":"wait","paused":true"#
    let specification = try accepted(text).specification
    #expect(specification.json == (try JSONValue(parsing: "{\(text)}").objectValue))
    #expect(ScheduleSpecification(json: .object(specification.json)) == specification)
    let anchored = try accepted(#""every_s":86400,"anchor_ts":3600"#).specification
    #expect(ScheduleSpecification(json: .object(anchored.json)) == anchored)
  }

  @Test func `Rules that are due at the same times are the same`() throws {
    func rule(_ members: String) throws -> String { try accepted(members).specification.ruleText }
    #expect(try rule(#""cron":"0 9 * * mon""#) == rule(#""cron":"00 9  * * 1","time_zone":"UTC","missed":"all""#))
    #expect(try rule(#""cron":"0 9 * * mon""#) != rule(#""cron":"0 9 * * mon","time_zone":"Europe/Berlin""#))
    #expect(try rule(#""every_s":60"#) != rule(#""every_s":60,"anchor_ts":30"#))
    #expect(try rule(#""every_s":60"#) != rule(#""every_s":60,"paused":true"#))
  }

  /// The members beside the run, and the fault.
  private static let bad: [(String, String)] = [
    ("\"a\":1", "missing at body.cron: Field required: cron, or every_s in its place"),
    (#""cron":"0 9 * * *","every_s":1"#, "value_error at body.every_s: Value error, a schedule has a cron expression"),
    (#""cron":5"#, "string_type at body.cron"), (#""cron":null"#, "string_type at body.cron"),
    (#""cron":"0 9 * *""#, "value_error at body.cron: Value error, The expression has 4 fields"),
    (#""cron":"0 0 9 * * *""#, "value_error at body.cron: Value error, The expression has 6 fields"),
    (#""cron":"0 2 30 2 *""#, "value_error at body.cron: Value error, The schedule 0 2 30 2 * has no time"),
    (#""cron":"60 * * * *""#, "value_error at body.cron: Value error, In the field minute"),
    (
      #""cron":"0 9 * * *","time_zone":"Mars/Base""#,
      "value_error at body.time_zone: Value error, There is no time zone"
    ),
    (#""cron":"0 9 * * *","time_zone":"../etc""#, "value_error at body.time_zone: Value error, \"../etc\" is no name"),
    (#""cron":"0 9 * * *","time_zone":2"#, "string_type at body.time_zone"),
    (#""cron":"0 9 * * *","anchor_ts":2"#, "value_error at body.anchor_ts"),
    (#""every_s":0"#, "value_error at body.every_s: Value error, Input should be from 1 to 315619200"),
    (#""every_s":-5"#, "value_error at body.every_s"), (#""every_s":1.5"#, "int_type at body.every_s"),
    (#""every_s":"5m""#, "int_type at body.every_s"), (#""every_s":1e9"#, "value_error at body.every_s"),
    (#""every_s":99999999999999999999"#, "int_type at body.every_s"),
    (#""every_s":60,"time_zone":"UTC""#, "value_error at body.time_zone"),
    (#""every_s":60,"anchor_ts":-1"#, "value_error at body.anchor_ts"),
    (#""every_s":60,"anchor_ts":99999999999"#, "value_error at body.anchor_ts"),
    (#""every_s":60,"missed":"never""#, "literal_error at body.missed: Input should be 'skip', 'once' or 'all'"),
    (#""every_s":60,"missed":1"#, "string_type at body.missed"),
    (#""every_s":60,"overlap":"queue""#, "literal_error at body.overlap: Input should be 'allow', 'skip' or 'wait'"),
    (#""every_s":60,"overlap":"skip","missed":"all""#, "value_error at body.overlap: Value error, with \"missed\""),
    (#""every_s":60,"paused":"yes""#, "bool_type at body.paused"),
    (#""every_s":60,"name":"x""#, "extra_forbidden at body.name"),
  ]

  @Test(arguments: bad.indices)
  func `A fault is told where it is`(_ index: Int) throws {
    let (members, start) = Self.bad[index]
    let found = try faults("{\(members),\(Self.run)}").filter { !$0.contains("body.a:") }
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix(start) == true, "\(found)")
  }

  @Test func `A schedule alone says when its runs start, but for a delay`() throws {
    func run(_ field: String) -> String {
      #"{"every_s":60,"run":{"run_name":"r","steps":[{"id":"a","op":"wait"}],\#(field)}}"#
    }
    #expect(try faults(run(#""delay_s":5"#)).isEmpty)
    let found = try faults(run(#""run_at":"2999-01-01T00:00:00Z""#))
    #expect(found.count == 1 && found.first?.hasPrefix("value_error at body.run.run_at") == true, "\(found)")
  }

  @Test func `The run is held to what a submission is held to`() throws {
    #expect(try faults(#"{"every_s":60}"#) == ["missing at body.run: Field required"])
    for value in ["5", "null", "[]", "\"x\""] {
      let found = try faults(#"{"every_s":60,"run":\#(value)}"#)
      #expect(found.count == 1 && found[0].hasPrefix("model_attributes_type at body.run:"))
    }
    let faulty = #"{"run_name":5,"x":1,"steps":[{"id":"a","op":"nope"},{"id":"b","op":"note","needs":["c"]}]}"#
    let alone = try DefinitionReader.sample.summary(ofFaultsIn: faulty)
    let found = try faults(#"{"every_s":"a","run":\#(faulty)}"#).map { $0.prefix { $0 != ":" } }
    #expect(
      found.map(String.init) == ["int_type at body.every_s"] + alone.map { $0.replacing("body", with: "body.run") })
    #expect(alone.count > 2)
  }

  @Test(arguments: ["[]", "1", "\"x\"", "null"])
  func `A body that is no object is refused`(_ body: String) throws {
    #expect(try faults(body).first?.hasPrefix("model_attributes_type at body:") == true)
  }

  @Test func `A body that is no JSON, and a host without zones, are told apart`() throws {
    for body in ["", "{", #"{"every_s":1,"every_s":2}"#] {
      #expect { try Self.reader.read(bytes(body), from: 0) } throws: { error in
        if case ScheduleReader.Refusal.malformed = error { true } else { false }
      }
    }
    let bare = ScheduleReader(definitions: .sample, zones: TimeZoneFolder(path: "/nonexistent"))
    #expect { try bare.read(bytes(#"{"cron":"0 9 * * *","time_zone":"Europe/Berlin"}"#), from: 0) } throws: { error in
      if case ScheduleReader.Refusal.host(.noFolder) = error { true } else { false }
    }
    #expect(try faults("{\"cron\":\"0 9 * * *\",\(Self.run)}", reader: bare) == [])
  }
}
