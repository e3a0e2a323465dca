import ExactJSON
import SystemHarness

/// Everything that is known of runs that something is wrong with.
struct History: Sendable {
  let stack: Stack
  let told: Ledger.Entries
  let clock: ClockSteps
  /// The parts whose logs are looked at.
  let parts: [String]

  /// Lines about the first runs that sentences name.
  func lines(about sentences: [String]) async throws -> [String] {
    let runs = Dictionary(told.accepted.map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
    var ids: [String] = []
    for sentence in sentences {
      for id in words(sentence) where runs[id] != nil && !ids.contains(id) { ids.append(id) }
    }
    var lines: [String] = []
    for id in ids.prefix(4) {
      guard let run = runs[id] else { continue }
      lines.append("run \(id): \(run.workflow.text)")
      lines += try await events(of: run).sorted { $0.time < $1.time }.map { "\($0.time) \($0.text)" }
      for part in parts {
        let log = try stack.log(of: part).split(separator: "\n").filter { $0.contains(id) }
        lines += log.suffix(20).map { "\(part): \($0)" }
      }
    }
    return lines
  }

  private func words(_ sentence: String) -> [String] {
    sentence.split { !$0.isHexDigit && $0 != "-" }.map(String.init).filter { $0.count >= 36 }.map {
      String($0.prefix(36))
    }
  }

  /// The log, and what clients wanted, by Redis's clock.
  private func events(of run: Ledger.Accepted) async throws -> [(time: Double, text: String)] {
    var events = [(clock.redis(at: run.time), "accepted")]
    for entry in try await stack.progress(of: run.id) {
      let text = JSONValue.object(entry).text
      events.append((entry["ts"]?.numberValue?.double ?? 0, String(text.prefix(200))))
    }
    for steering in told.steerings(of: run) {
      let took = steering.answered - steering.sent
      events.append((clock.redis(at: steering.sent), "\(steering.verb) sent, \(steering.kind) after \(took) s"))
    }
    return events
  }
}
