import Metrics
import Testing
import Workflow

/// The page Monitoring, the alert rules and the dashboard name what the code has.
@Suite struct MonitoringPageTests {
  @Test func `Each family has its row, in the order of the code`() throws {
    let rows = try Tree.table(headed: "name", in: Tree.page("Monitoring")).map {
      "| " + $0.joined(separator: " | ") + " |"
    }
    let wanted = MetricFamily.all.map { family in
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      return "| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(family.help) |"
    }
    #expect(rows == wanted, "\(wanted.joined(separator: "\n"))")
  }

  @Test(arguments: ["wf-alerts.yml", "wf-alerts-tests.yml", "wf-dashboard.json"])
  func `Rules and dashboard name families that there are`(_ file: String) throws {
    let names = Set(MetricFamily.all.map(\.name))
    let text = try Tree.text("systemd/monitoring/\(file)")
    let used = text.matches(of: #/\bwf_[a-z_]+/#).map { match in
      ["_bucket", "_count", "_sum"].reduce(String(match.0)) { name, end in
        name.hasSuffix(end) && !names.contains(name) ? String(name.dropLast(end.count)) : name
      }
    }
    #expect(!used.isEmpty)
    #expect(Set(used).subtracting(names) == [])
  }

  @Test func `Every family is in the dashboard, but for the version`() throws {
    let text = try Tree.text("systemd/monitoring/wf-dashboard.json")
    for family in MetricFamily.all { #expect(text.contains(family.name), "\(family.name)") }
  }

  @Test func `The codes that a failure counts by begin at 0, all of them`() {
    #expect(Set(MetricFamily.runsFailed.initial.flatMap(\.self)) == Set(ErrorCode.allCases.map(\.rawValue)))
  }
}
