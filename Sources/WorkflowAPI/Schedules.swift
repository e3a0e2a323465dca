import AccessKeys
import ExactJSON
import FastCGI
import Glibc
import Scheduling
import Workflow
import WorkflowStore

/// What the routes of schedules share.
struct Schedules: Sendable {
  let catalog: OperationCatalog
  /// Where the time zones are.
  var zones = TimeZoneFolder.system
  let partitions: Partitions
  /// Refuses submissions until Redis has said how many partitions its data have; schedules are refused with them.
  let submissions: GroupSubmit

  /// Stands for the id of a run, which follows from its tick.
  private static let noRun = JobID(requestID: String(repeating: "0", count: 32)) ?? JobID()

  /// The name in a path.
  /// - Throws: a 404 when no schedule can have it.
  func name(_ argument: String, _ request: FastCGIRequest, _ context: RequestContext) throws(APIError) -> ScheduleName {
    guard StepDefinition.isValidID(argument) else { throw .noSchedule(argument) }
    return ScheduleName(argument, of: try context.owner(request, of: "schedules"))
  }

  /// Reads a schedule, and when that was by Redis's clock; nil when there is none of this name.
  func find(_ name: ScheduleName) async throws(APIError) -> (schedule: StoredSchedule?, now: Int) {
    let look = try await partitions.store(ofSchedule: name.stored).reading { store throws(StoreError) in
      try await store.schedule(named: name.stored)
    }
    return (look.schedules.first, look.now)
  }

  /// Makes a schedule, or replaces the one of its name.
  func put(_ name: ScheduleName, _ accepted: ScheduleReader.Accepted) async throws(APIError) -> ScheduleAnswer {
    let (known, now) = try await find(name)
    let specification = accepted.specification
    let progress = ScheduleProgress(accepted.schedule, missed: specification.missed)
    var options = accepted.definition.options
    options.owner = name.owner
    let run = Submission(
      id: Self.noRun, runName: accepted.definition.runName, steps: accepted.steps, inputs: accepted.inputs,
      requirements: accepted.definition.requirements, options: options, requestID: "schedule")
    let submission = ScheduleSubmission(
      name: name.stored, specification: JSONValue.object(specification.json).bytes, rule: specification.ruleText,
      next: specification.isPaused ? nil : progress.next(after: now, fired: known?.fired ?? []), run: run,
      body: accepted.run)
    do {
      try submissions.checkHold()
      return try await partitions.store(ofSchedule: name.stored).put(submission)
    } catch {
      throw APIError(repeatable: error)
    }
  }

  /// The document of a schedule with its next five times.
  func document(of schedule: StoredSchedule, now: Int) -> [UInt8] {
    var zones = KnownZones(zones)
    return ScheduleDocument(schedule, zones: &zones, now: now, times: 5).bytes
  }
}

extension APIError {
  /// The 404 for a schedule that is not there.
  static func noSchedule(_ name: String) -> Self { .notFound("there is no schedule \(name.cut(toBytes: 200))") }
}

/// `GET /workflow/schedules`: all schedules, by name.
struct ScheduleListRoute: Route {
  let method = "GET"
  let pattern = ["workflow", "schedules"]
  let schedules: Schedules

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listSchedules", summary: "All schedules", hasPage: true,
      answers: [.json(200, "Schedules", "The schedules, by name.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    var (found, now): ([StoredSchedule], Int) = ([], 0)
    let looks = try await schedules.partitions.reading { partitions throws(StoreError) in
      try await partitions.schedules()
    }
    for look in looks {
      found += look.schedules
      now = look.now
    }
    // Thousands of documents take longer than a thread of a connection has.
    if let scope = context.scope { found = found.filter { ScheduleName(stored: $0.name).owner == scope } }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { [found, now] in response(found, now) }
  }

  /// Each schedule with its next time: to work out more of a thousand schedules could take long.
  private func response(_ found: [StoredSchedule], _ now: Int) -> FastCGIResponse {
    var zones = KnownZones(schedules.zones)
    let documents = found.sorted { $0.name < $1.name }.map { schedule in
      ScheduleDocument(schedule, zones: &zones, now: now, times: 1).bytes
    }
    return .json(
      bytes: Array("{\"schedules\":[".utf8) + documents.joined(separator: [UInt8(ascii: ",")]) + Array("]}".utf8))
  }
}

/// `GET /workflow/schedules/{name}`: one schedule with the run that it starts.
struct ScheduleRoute: Route {
  let method = "GET"
  let pattern = ["workflow", "schedules", "*"]
  let schedules: Schedules

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getSchedule", summary: "One schedule", parameters: [.scheduleName, .owner(of: "schedule")],
      answers: [.json(200, "Schedule", "The schedule, its next times and its run."), .noSchedule, .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let name = try schedules.name(argument, request, context)
    let (found, now) = try await schedules.find(name)
    guard let found else { throw .noSchedule(name.name) }
    return .json(bytes: schedules.document(of: found, now: now))
  }
}

/// `PUT /workflow/schedules/{name}`: makes a schedule, or replaces the one of this name.
struct PutScheduleRoute: Route {
  let method = "PUT"
  let pattern = ["workflow", "schedules", "*"]
  let schedules: Schedules

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "putSchedule", summary: "Creates or replaces a schedule",
      parameters: [.scheduleName, .owner(of: "schedule")],
      body: ("ScheduleBody", WorkflowSchema.scheduleExamples),
      answers: [
        .json(200, "Schedule", "It has replaced the one of its name."),
        .json(201, "Schedule", "It is created.", headers: ["Location"]),
        .json(409, "Error", "There are as many schedules as may be."),
        .json(415, "Error", "The body has a type other than JSON, or a content coding."), .invalid,
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkHeaders(of: request)
    guard StepDefinition.isValidID(argument) else {
      throw .invalid([
        ValidationFault(
          "string_pattern_mismatch", [.key("path"), .key("name")],
          "String should match pattern '\(StepDefinition.idPattern)'", input: .string(argument))
      ])
    }
    let name = ScheduleName(argument, of: try context.owner(request, of: "schedules"))
    context.note("schedule", name.stored)
    let bytes = try JSONBody.bytes(of: request)
    let accepted = try await schedules.catalog.reading { reader throws(APIError) in
      try read(bytes, by: ScheduleReader(definitions: reader, zones: schedules.zones), context.key?.limits.dayBudget)
    }
    let answer = try await schedules.put(name, accepted)
    if answer == .full {
      throw .full(
        """
        there are \(RunStore.mostSchedules) schedules, as many as may be\
        \(schedules.partitions.count > 1 ? " in one partition" : ""); remove one
        """)
    }
    let (found, now) = try await schedules.find(name)
    guard let found else { throw .noSchedule(argument) }
    let place = "/workflow/schedules/\(argument)"
    return .json(
      status: answer == .created ? 201 : 200, bytes: schedules.document(of: found, now: now),
      headers: answer == .created ? [("Location", place)] : [])
  }

  private func read(_ body: [UInt8], by reader: ScheduleReader, _ dayBudget: Cost?) throws(APIError)
    -> ScheduleReader.Accepted
  {
    do {
      return try reader.read(body, from: time(nil), dayBudget: dayBudget)
    } catch {
      switch error {
      case .malformed(let error): throw JSONBody.refusal(error, of: body)
      case .invalid(let faults): throw .invalid(faults)
      case .host(let error): throw .incapable("\(error)")
      }
    }
  }
}

/// `DELETE /workflow/schedules/{name}`: removes a schedule; the runs that it has started remain.
struct DeleteScheduleRoute: Route {
  let method = "DELETE"
  let pattern = ["workflow", "schedules", "*"]
  let schedules: Schedules

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "deleteSchedule", summary: "Removes a schedule", parameters: [.scheduleName, .owner(of: "schedule")],
      answers: [.empty(204, "It is removed; the runs that it has started remain."), .noSchedule, .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let name = try schedules.name(argument, request, context)
    context.note("schedule", name.stored)
    let wasThere: Bool
    do {
      try schedules.submissions.checkHold()
      wasThere = try await schedules.partitions.store(ofSchedule: name.stored).removeSchedule(named: name.stored)
    } catch {
      throw APIError(repeatable: error)
    }
    guard wasThere else { throw .noSchedule(name.name) }
    return FastCGIResponse(status: 204, headers: [("Cache-Control", "no-store")])
  }
}

extension RouteDocumentation.Parameter {
  /// The parameter of the path that names a schedule.
  fileprivate static let scheduleName = Self(
    name: "name", place: .path, schema: ["type": "string", "pattern": .string(StepDefinition.idPattern)],
    meaning: "the name of the schedule", isRequired: true)
}

extension RouteDocumentation.Answer {
  /// 404 where there is no such schedule.
  fileprivate static let noSchedule = json(404, "Error", "There is no schedule of this name.")
}
