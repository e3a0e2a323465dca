import Curl
import ExactJSON

/// Asks the API, where its clients reach it, for its health.
struct APICheck {
  let url: String
  /// The key to send; nil for none.
  var key: String?

  /// What was found: of the API first.
  func results() async -> [CheckResult] {
    let shown = SecretMask.url(url)
    let client: APIClient
    do { client = try APIClient(.init(url: url, key: key)) } catch {
      return [.failed("\(error)", remedy: "set it to the public address, such as https://wf.example.org")]
    }
    do {
      let health = try await client.health(timeout: .seconds(15))
      return [result(health, shown)] + APICheck.workers(health.facts)
    } catch {
      let remedy = APIClient.remedy(for: error)
      return [
        .failed(
          "the API at \(shown) does not answer: \(error)",
          remedy: "\(remedy) WF_URL belongs into \(SettingsFile.hostPath).")
      ]
    }
  }

  /// What the workers lack.
  private static func workers(_ facts: JSONObject) -> [CheckResult] {
    let missing = (facts["missing"]?.arrayValue ?? []).compactMap(\.objectValue).compactMap { entry -> CheckResult? in
      guard let first = entry.members.first, let name = first.value.stringValue else { return nil }
      let runs = entry["runs"]?.numberValue?.int ?? 0
      let (what, remedy) =
        switch first.key {
        case "operation": ("the operation \(name.oneLine)", "start a worker that has it (OwnOperations.md)")
        case "field": ("the field \(name.oneLine)", "upgrade wf on the hosts of the workers")
        default: ("all of \(name.oneLine)", "start a worker that has all of them (OwnOperations.md)")
        }
      return .warning("\(runs) queued run\(runs == 1 ? "" : "s"): no live worker has \(what)", remedy: remedy)
    }
    let drained = facts["drained"]?.numberValue?.int ?? 0
    guard drained > 0 else { return missing }
    let what = "\(drained) worker\(drained == 1 ? " is" : "s are") drained: alive, but taking no runs"
    return missing + [.warning(what, remedy: "wf workers names them; wf drain --undo WORKER, or a restart")]
  }

  private func result(_ health: APIClient.Health, _ shown: String) -> CheckResult {
    let workers = health.facts["workers"]?.numberValue?.int ?? 0
    let detail = health.facts["detail"]?.stringValue ?? "without a reason"
    let warnings = health.facts["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
    if let result = keyResult(health, shown, detail) { return result }
    switch health.status {
    case 200
    where health.facts["redis"] != nil && health.facts["detail"] == nil
      && !warnings.contains { $0.hasPrefix("WF_API_KEYS_FILE") }:
      return .ok("the API at \(shown) answers, and \(workers) worker\(workers == 1 ? " is" : "s are") alive")
    case 200 where health.facts["redis"] != nil && health.facts["detail"] == nil:
      let keys = warnings.first { $0.hasPrefix("WF_API_KEYS_FILE") } ?? ""
      return .warning("the API at \(shown) answers: \(keys)", remedy: "journalctl -u wf-api says more")
    case 200 where health.facts["redis"] != nil:
      return .warning("the API at \(shown) answers: \(detail)", remedy: "journalctl -u 'wf-*' says more")
    case 401:
      return .failed(
        "the API at \(shown) does not take this host for its own (401): \(detail)",
        remedy: "WF_URL leads to another host, or its web server does not pass SERVER_ADDR (wf-locations.conf)")
    case 502, 504:
      return .failed(
        "the API at \(shown) answers \(health.status): \(detail)",
        remedy: "systemctl status wf-api.socket wf-api; journalctl -u wf-api says why it does not answer")
    case 503 where health.facts["redis"] == "ok" && health.facts["drained"] != nil:
      return .failed("the API at \(shown) answers 503: \(detail)", remedy: "wf workers names the workers")
    case 503 where health.facts["redis"] == "ok" && workers == 0:
      return .failed(
        "the API at \(shown) answers 503: \(detail)", remedy: "systemctl start wf-worker, on this host or another")
    case 503 where health.facts["redis"] != nil:
      return .failed(
        "the API at \(shown) answers 503: \(detail)", remedy: "see Redis above; journalctl -u wf-api says more")
    default:
      return .failed(
        "\(shown) answers \(health.status), but not as wf does",
        remedy: "WF_URL in \(SettingsFile.hostPath) names the API")
    }
  }

  /// What was found if the API wants another key than this one; nil if it does not.
  private func keyResult(_ health: APIClient.Health, _ shown: String, _ detail: String) -> CheckResult? {
    if health.needsKey, key == nil {
      return .warning(
        "the API at \(shown) answers, and wants a key: what it knows of workers is not seen",
        remedy: "wf keys add doctor --role read, and WF_API_KEY=KEY wf doctor")
    }
    let hasNoKeys = health.status == 503 && health.facts["redis"] == nil && detail.contains("WF_API_KEYS_FILE")
    guard health.needsKey || hasNoKeys else { return nil }
    return .failed(
      "the API at \(shown) answers \(health.status): \(detail)",
      remedy: "WF_API_KEY is one of the keys that wf keys list shows; journalctl -u wf-api says what it has read")
  }
}
