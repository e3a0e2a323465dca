import Curl
import ExactJSON

/// Asks the API, where its clients reach it, for its health.
struct APICheck {
  let url: String

  /// What was found.
  func result() async -> CheckResult {
    let shown = SecretMask.url(url)
    let client: APIClient
    do { client = try APIClient(url: url) } catch {
      return .failed("\(error)", remedy: "set it to the public address, such as https://wf.example.org")
    }
    do {
      return result(try await client.health(timeout: .seconds(15)), shown)
    } catch {
      let remedy = APIClient.remedy(for: error)
      return .failed(
        "the API at \(shown) does not answer: \(error)",
        remedy: "\(remedy) WF_URL belongs into \(SettingsFile.hostPath).")
    }
  }

  private func result(_ health: APIClient.Health, _ shown: String) -> CheckResult {
    let workers = health.facts["workers"]?.numberValue?.int ?? 0
    let detail = health.facts["detail"]?.stringValue ?? "without a reason"
    switch health.status {
    case 200 where health.facts["redis"] != nil && health.facts["detail"] == nil:
      return .ok("the API at \(shown) answers, and \(workers) worker\(workers == 1 ? " is" : "s are") alive")
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
}
