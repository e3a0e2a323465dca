import ExactJSON
import FastCGI
import Hiredis
import RedisFixture
import Testing
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct ScheduleRoutesTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  private static let run =
    #"{"run_name":"r","inputs":{ "n": 1.0 },"steps":[{"id":"a","op":"note","params":{"value":1}}]}"#

  private func put(
    _ name: String, _ members: String = #""every_s":300"#,
    headers: KeyValuePairs<String, String> = ["Content-Type": "application/json"]
  ) async -> Answer {
    await api.answer(
      "PUT", "/workflow/schedules/\(name)", headers: headers,
      body: .complete(Array("{\(members),\"run\":\(Self.run)}".utf8)))
  }

  private func get(_ name: String) async -> Answer { await api.answer("GET", "/workflow/schedules/\(name)") }

  @Test func `A schedule is made, replaced, shown, listed and removed`() async throws {
    let made = await put("daily", #""cron":"0 9 * * *","time_zone":"Asia/Kathmandu""#)
    #expect(made.status == 201 && made.header("Location") == "/workflow/schedules/daily")
    let same = await put("daily", #""cron":"0 9 * * *","time_zone":"Asia/Kathmandu""#)
    #expect(same.status == 200 && same.text == made.text)
    let shown = await get("daily")
    #expect(shown.status == 200 && shown.text == made.text)
    // The run comes back as it went in.
    #expect(shown.text.hasSuffix(#","run":\#(Self.run)}"#))
    let document = shown.json
    #expect(document["name"] == "daily" && document["missed"] == "once" && document["overlap"] == "allow")
    #expect(document["last"] == .null && document["runs"] == 0 && document["run_name"] == "r")
    let times = document["next_times"]?.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(times.count == 5 && times.allSatisfy { $0.hasSuffix("T09:00:00+05:45") } && times == times.sorted())
    #expect(await put("a-b_1", #""every_s":60"#).status == 201)
    let list = await api.answer("GET", "/workflow/schedules").json["schedules"]?.arrayValue ?? []
    #expect(list.compactMap { $0.objectValue?["name"]?.stringValue } == ["a-b_1", "daily"])
    #expect(list.allSatisfy { $0.objectValue?["run"] == nil && $0.objectValue?["next_ts"] != nil })
    let removed = await api.answer("DELETE", "/workflow/schedules/daily")
    #expect(removed.status == 204 && removed.text == "")
    for method in ["GET", "DELETE"] { #expect(await api.answer(method, "/workflow/schedules/daily").status == 404) }
  }

  @Test func `A paused schedule has no times, and resumes from now`() async throws {
    let paused = await put("p", #""every_s":300,"paused":true"#).json
    #expect(paused["next_ts"] == .null && paused["next_times"] == [] && paused["paused"] == true)
    let resumed = await put("p").json
    let next = try #require(resumed["next_ts"]?.numberValue?.int)
    #expect(next % 300 == 0 && resumed["next_times"]?.arrayValue?.count == 5)
  }

  @Test(arguments: ["", "a.b", "-a", "a%20b", "ä", "a:b", String(repeating: "a", count: 129)])
  func `A name has the form of a step's id`(_ name: String) async {
    let answer = await put(name)
    #expect(answer.status == 422 && answer.faults == ["string_pattern_mismatch at path.name"])
    #expect(await get(name).status == 404)
    #expect(await api.answer("DELETE", "/workflow/schedules/\(name)").status == 404)
  }

  @Test func `Faults have the places of the body, those of the run below it`() async {
    let answer = await api.answer(
      "PUT", "/workflow/schedules/x",
      body: .complete(Array(#"{"cron":"0 2 30 2 *","run":{"run_name":"r","steps":[{"id":"a","op":"b"}]}}"#.utf8)))
    #expect(answer.status == 422)
    #expect(answer.faults == ["value_error at body.cron", "literal_error at body.run.steps.0.op"])
    #expect(await get("x").status == 404)
    for (body, fault) in [("", "missing at body"), ("{", "json_invalid at body.1")] {
      let answer = await api.answer("PUT", "/workflow/schedules/x", body: .complete(Array(body.utf8)))
      #expect(answer.status == 422 && answer.faults == [fault])
    }
  }

  @Test func `A body is JSON, and other methods are told what there is`() async {
    #expect(await put("x", headers: ["Content-Type": "text/plain"]).status == 415)
    #expect(await put("x", headers: ["Sec-Fetch-Site": "cross-site"]).status == 415)
    #expect(await put("x", headers: ["Content-Encoding": "gzip"]).status == 415)
    #expect(await api.answer("PUT", "/workflow/schedules/x", body: .tooLarge(limit: 5)).status == 413)
    for (method, path, allow) in [
      ("POST", "/workflow/schedules/x", "GET, HEAD, PUT, DELETE"), ("PUT", "/workflow/schedules", "GET, HEAD"),
      ("OPTIONS", "/workflow/schedules/x", "GET, HEAD, PUT, DELETE"),
    ] {
      let answer = await api.answer(method, path)
      #expect(answer.status == 405 && answer.header("Allow") == allow)
    }
    #expect(await api.answer("GET", "/workflow/schedules/x/y").status == 404)
  }

  @Test func `There are no more schedules than may be`() async throws {
    let store = api.partitions.store(ofSchedule: "x")
    for number in 0..<RunStore.mostSchedules {
      try await api.send("ZADD", store.keys.prefix + "schedules", "inf", "n\(number)")
    }
    let answer = await put("x")
    #expect(answer.status == 409 && answer.text.contains("1000 schedules"))
  }

  @Test func `While Redis is away every request is a 503, and a faulty body a 422`() async throws {
    let away = try TestAPI(on: RedisServer(isRunning: false), timeout: .milliseconds(50))
    let body = FastCGIBody.complete(Array(#"{"every_s":60,"run":\#(Self.run)}"#.utf8))
    for (method, path) in [
      ("GET", "/workflow/schedules"), ("GET", "/workflow/schedules/x"), ("PUT", "/workflow/schedules/x"),
      ("DELETE", "/workflow/schedules/x"),
    ] {
      let answer = await away.answer(method, path, body: body)
      #expect(answer.status == 503 && answer.header("Retry-After") == "2", "\(method) \(path)")
    }
    #expect(await away.answer("PUT", "/workflow/schedules/x", body: .complete(Array("{}".utf8))).status == 422)
  }
}
