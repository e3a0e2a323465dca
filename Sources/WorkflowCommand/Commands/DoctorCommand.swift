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
    let host = try HostSettings()
    let settings = host.settings
    let connection = RedisConnection(
      settings.redis, name: "wf-doctor", logger: Logger(label: "wf-doctor") { _ in SwiftLogNoOpLogHandler() })
    defer { connection.close() }
    let client = HTTPClient(settings.httpClientConfiguration)
    let model = settings.model.map { OpenAIChatModel(client: client, configuration: $0) }
    var findings = host.finding.map { [$0] } ?? []
    let store = RunStore(connection, keys: settings.keys)
    findings += await RedisExamination(connection: connection, store: store, address: settings.redis).findings()
    findings += await HostExamination(url: settings.url).findings()
    findings += await ModelExamination(model: model, store: store).findings()
    for finding in findings { Terminal.show(finding.text) }
    if findings.contains(where: { $0.verdict == .broken }) {
      throw ExitCode(CommandFailure.Code.failed.rawValue)
    }
  }
}
