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
    try HTTPClient.loadLibrary()
    let isInstalled = HostUnit.isWorkflowInstalled
    let host = await HostSettings(isInstalled: isInstalled)
    var results = (isInstalled ? [] : [DoctorCommand.notInstalled]) + host.results
    if let settings = host.settings {
      let connection = RedisConnection(
        settings.redis, name: "wf-doctor", logger: Logger(label: "wf-doctor") { _ in SwiftLogNoOpLogHandler() })
      defer { connection.close() }
      let partitions = Partitions(
        connection, keys: settings.keys, count: settings.partitions, limits: settings.limits)
      // Without an installation only what the settings name is looked at: the defaults need not be there.
      if isInstalled || settings.isSet("REDIS_URL") {
        results += await RedisCheck(
          connection: connection, partitions: partitions, address: settings.redis, replicas: settings.limits.replicas
        ).results()
      }
      results += isInstalled ? await HostCheck(settings: settings).results() : await checkAPI(settings)
      if isInstalled || settings.models.catalog != nil {
        results += await checkModel(settings, partitions, isComplete: host.isComplete)
      }
    }
    for result in results { Terminal.show(result.text) }
    if results.contains(where: { $0.outcome == .failed }) {
      throw ExitCode(CommandFailure.Code.failed.rawValue)
    }
  }

  private static let notInstalled = CheckResult.failed(
    "wf is not installed as a service on this host",
    remedy: "Operating.md says how to install it; wf dev runs it without an installation")

  /// The API that the settings name; it runs by other means than services of this host.
  private func checkAPI(_ settings: Settings) async -> [CheckResult] {
    guard settings.isSet("WF_URL"), APIClient.isUsable(settings.url) else { return [] }
    var results = await APICheck(url: settings.url, key: settings.apiKey).results()
    if results[0].remedy != nil { results[0].remedy = "start wf where WF_URL leads, or correct WF_URL" }
    return results
  }

  private func checkModel(_ settings: Settings, _ partitions: Partitions, isComplete: Bool) async -> [CheckResult] {
    guard isComplete else {
      return [.warning("the model is not examined: not all settings could be read", remedy: "see above")]
    }
    let client = HTTPClient(settings.httpClientConfiguration)
    defer { client.close() }
    return await ModelCheck(models: settings.models, client: client, partitions: partitions).results()
  }
}
