import ArgumentParser
import Curl
import Hiredis
import Logging
import WorkflowLLM

/// `wf doctor`: checks a host.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this host: Redis, units, socket, nginx, API, model; with remedies.",
    discussion: """
      sudo sh -c 'set -a; . /etc/wf/wf.env; wf doctor'

      Exit code 1 when something is broken; warnings do not count.
      """)

  func run() async throws {
    let settings = try Settings.load(readsDotEnv: true)
    let connection = RedisConnection(
      settings.redis, name: "wf-doctor", logger: Logger(label: "wf-doctor") { _ in SwiftLogNoOpLogHandler() })
    defer { connection.close() }
    let client = HTTPClient()
    let model = settings.model.map { OpenAIChatModel(client: client, configuration: $0) }
    var findings = await RedisExamination(connection: connection, address: settings.redis).findings()
    findings += await HostExamination(url: settings.url).findings()
    findings.append(await ModelExamination(model: model).finding())
    for finding in findings { Terminal.show(finding.text) }
    if findings.contains(where: { $0.verdict == .broken }) {
      throw ExitCode(CommandFailure.Code.failed.rawValue)
    }
  }
}
