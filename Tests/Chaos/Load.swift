import Curl
import ExactJSON
import SeededRandom
import SystemHarness

/// Clients that post workflows, each until it is accepted.
struct Load: Sendable {
  let url: String
  let seed: UInt64
  let ledger: Ledger
  /// Where the ends of some runs are reported.
  let callbackURL: String
  /// Clients at the same time; each posts about one workflow a second.
  var clients = 24
  /// How long after the end a request may still wait for its 202.
  private let patience = Duration.seconds(60)
  private let http = HTTPClient()

  init(url: String, seed: UInt64, ledger: Ledger, callbackURL: String) {
    self.callbackURL = callbackURL
    self.url = url
    self.seed = seed
    self.ledger = ledger
  }

  /// Posts until an instant; returns once every request has its 202.
  func run(until end: ContinuousClock.Instant) async {
    await withTaskGroup { group in
      for client in 0..<clients { group.addTask { await post(asClient: client, until: end) } }
    }
  }

  private func post(asClient number: Int, until end: ContinuousClock.Instant) async {
    let name = String(seed, radix: 36) + "-\(number)"
    var generator = SeededGenerator(seed: seed &+ UInt64(number) &* 7919)
    var mix = WorkflowMix(seed: generator.next(), name: name, callbackURL: callbackURL)
    var count = 0
    while .now < end {
      count += 1
      let workflow = mix.next()
      let key = "\(name)-\(count)"
      guard let id = await accepted(workflow, key, until: end + patience, &generator) else { continue }
      let run = Ledger.Accepted(id: id, workflow: workflow, time: WallClock.now)
      ledger.note { $0.accepted.append(run) }
      if Int.random(in: 0..<10, using: &generator) == 0 {
        let again = await accepted(workflow, key, until: end + patience, &generator)
        if again != id { contradict(run, key, again) }
      }
      try? await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 300...1_100, using: &generator)))
    }
  }

  private func contradict(_ run: Ledger.Accepted, _ key: String, _ again: String?) {
    ledger.note { entries in
      entries.contradictions.append((run, "\(key) brought \(run.id), then \(again ?? "nothing")"))
      guard let again else { return }
      entries.accepted.append(.init(id: again, workflow: run.workflow, time: WallClock.now))
    }
  }

  /// Sends a request with its key, again and again, until it is accepted.
  private func accepted(
    _ workflow: JSONValue, _ key: String, until end: ContinuousClock.Instant, _ generator: inout SeededGenerator
  ) async -> String? {
    while .now < end {
      let timeout = Duration.milliseconds(Int.random(in: 1_000...8_000, using: &generator))
      let response = try? await http.send(request(workflow, key, timeout))
      guard let response else {
        ledger.note { $0.unanswered += 1 }
        await pause(&generator)
        continue
      }
      ledger.note { $0.answers[response.status, default: 0] += 1 }
      switch response.status {
      case 202: if let id = try? response.json["job_id"]?.stringValue { return id }
      case 429, 500...599: await pause(&generator)
      default:
        let body = String(decoding: response.body.prefix(300), as: UTF8.self)
        ledger.note { $0.surprises.append("\(key) was answered \(response.status): \(body)") }
        return nil
      }
    }
    ledger.note { $0.surprises.append("\(key) was not accepted within \(patience) after the end") }
    return nil
  }

  private func request(_ workflow: JSONValue, _ key: String, _ timeout: Duration) -> HTTPRequest {
    HTTPRequest(
      method: "POST", url: url + "/workflow/run",
      headers: [("Content-Type", "application/json"), ("Idempotency-Key", key)], body: workflow.bytes, timeout: timeout)
  }

  private func pause(_ generator: inout SeededGenerator) async {
    try? await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 100...400, using: &generator)))
  }
}
