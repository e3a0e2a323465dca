import ArgumentParser
import Curl
import Hiredis
import Logging
import WorkflowLLM
import WorkflowStore

/// `wf doctor`: checks a host.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this host: settings, Redis, units, nginx, API, model.",
    discussion: """
      Root sees all of it: sudo wf doctor. The settings are those of the services, /etc/wf/wf.env and their credentials, \
      as far as the environment does not say otherwise.

      Exit code 1 when something is broken; warnings do not count.
      """)

  func run() async throws {
    let isInstalled = HostUnit.isWorkflowInstalled
    let host = await HostSettings(isInstalled: isInstalled)
    var findings = (isInstalled ? [] : [DoctorCommand.notInstalled]) + host.findings
    if let settings = host.settings {
      let connection = RedisConnection(
        settings.redis, name: "wf-doctor", logger: Logger(label: "wf-doctor") { _ in SwiftLogNoOpLogHandler() })
      defer { connection.close() }
      let store = RunStore(connection, keys: settings.keys)
      // Without an installation only what the settings name is looked at: the defaults need not be there.
      if isInstalled || settings.isSet("REDIS_URL") {
        findings += await RedisExamination(connection: connection, store: store, address: settings.redis).findings()
      }
      findings += isInstalled ? await HostExamination(settings: settings).findings() : await examineAPI(settings)
      if isInstalled || settings.model != nil {
        findings += await examineModel(settings, store, isComplete: host.isComplete)
      }
    }
    for finding in findings { Terminal.show(finding.text) }
    if findings.contains(where: { $0.verdict == .broken }) {
      throw ExitCode(CommandFailure.Code.failed.rawValue)
    }
  }

  private static let notInstalled = Finding.broken(
    "wf is not installed as a service on this host",
    remedy: "Operating.md says how to install it; wf dev runs it without an installation")

  /// The API that the settings name; it runs by other means than services of this host.
  private func examineAPI(_ settings: Settings) async -> [Finding] {
    guard settings.isSet("WF_URL"), APIClient.isUsable(settings.url) else { return [] }
    var finding = await APIExamination(url: settings.url).finding()
    if finding.remedy != nil { finding.remedy = "start wf where WF_URL leads, or correct WF_URL" }
    return [finding]
  }

  private func examineModel(_ settings: Settings, _ store: RunStore, isComplete: Bool) async -> [Finding] {
    guard isComplete else {
      return [.doubtful("the model is not examined: not all settings could be read", remedy: "see above")]
    }
    let client = HTTPClient(settings.httpClientConfiguration)
    defer { client.close() }
    let model = settings.model.map { OpenAIChatModel(client: client, configuration: $0) }
    return await ModelExamination(model: model, store: store).findings()
  }
}
