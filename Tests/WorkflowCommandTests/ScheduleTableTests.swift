import ExactJSON
import Testing

@testable import WorkflowCommand

@Suite struct ScheduleTableTests {
  private static let daily: JSONObject = [
    "name": "report", "cron": "0 9 * * mon-fri", "time_zone": "Europe/Berlin", "paused": false,
    "next_times": ["2026-11-30T09:00:00+01:00"], "last": ["job_id": "b0a978dc-19ff-514a-9c92-5bf1d37350ac"],
  ]
  private static let second: JSONObject = [
    "name": "tick", "every_s": 1, "paused": false, "next_times": ["2026-11-30T00:07:11+00:00"], "last": nil,
  ]
  private static let paused: JSONObject = ["name": "off", "every_s": 60, "paused": true, "next_times": []]

  @Test func `A line has name, times, zone, next time and last run`() {
    #expect(
      ScheduleTable.lines([Self.daily, Self.second, Self.paused], width: 120) == [
        "NAME    SCHEDULE         ZONE           NEXT                 LAST RUN",
        "report  0 9 * * mon-fri  Europe/Berlin  2026-11-30 09:00     b0a978dc-19ff-514a-9c92-5bf1d37350ac",
        "tick    every 1 s        -              2026-11-30 00:07:11  -",
        "off     every 60 s       -              paused               -",
      ])
  }

  @Test(arguments: [120, 80, 60])
  func `No line is wider than the terminal, however long the texts are`(_ width: Int) {
    var long = Self.daily
    long["name"] = .string(String(repeating: "n", count: 128))
    long["cron"] = .string("*/5,7,9,11 " + String(repeating: "1,", count: 400) + "2 * * *")
    long["time_zone"] = "America/Argentina/Buenos_Aires"
    let lines = ScheduleTable.lines([long, Self.second], width: width)
    #expect(lines.allSatisfy { $0.count <= width })
    #expect(lines[1].contains("2026-11-30 09:00") && lines[1].contains("b0a978d"))
  }

  @Test func `Texts of others steer no terminal`() {
    var hostile = Self.daily
    hostile["time_zone"] = "a\u{1b}[2J\nb"
    #expect(!ScheduleTable.lines([hostile], width: 80).joined().contains { $0 == "\u{1b}" || $0 == "\n" })
  }
}
