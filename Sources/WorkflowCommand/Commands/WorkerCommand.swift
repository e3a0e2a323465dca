import ArgumentParser
import Curl
import Hiredis
import OTLP
import WorkflowStore
import WorkflowWorker

/// `wf worker`: takes runs from the queue and runs them.
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Take runs from the queue and run their steps.",
    discussion: """
      Any number of workers may run on any hosts against one Redis.

      SIGTERM stops the claims, gives the runs under way WF_DRAIN_S seconds and hands the rest back. A second one hands \
      them back at once.
      """)

  func run() async throws {
    let composition = try Composition(service: "wf-worker")
    let settings = composition.settings
    let client = try composition.httpClient()
    let requests = try composition.requestClient()
    let callbacks = try composition.callbackConfiguration()
    let exporter = try composition.spanExporter()
    let notifier = SystemdNotifier()
    var configuration = settings.worker
    configuration.version = WF.configuration.version
    let worker = Worker(
      configuration: configuration, registry: composition.registry(client: client, requests: requests),
      redis: settings.redis,
      keys: settings.keys, partitions: settings.partitions, limits: settings.limits, callbacks: callbacks,
      spans: exporter, meter: composition.meter, logger: composition.logger,
      watchdogTick: { runs, isDraining in
        notifier.ready(WorkerCommand.status(runs, isDraining))
        notifier.alive()
      })
    let connection = composition.connection("wf-warnings")
    let warnings = Task {
      await composition.warnAboutRedis(connection)
      connection.close()
    }
    defer { warnings.cancel() }
    // The drain, what the worker takes to hand back the rest, and a margin: systemd must not kill it before that.
    let limit = settings.worker.drain + .seconds(15)
    do {
      try await StoppableService(worker, notifier: notifier, stopsWithin: limit, logger: composition.logger).run()
    } catch let mismatch as PartitionMismatch {
      throw CommandFailure(mismatch)
    }
    await exporter?.close()
    client?.close()
    requests?.close()
    callbacks?.close()
  }
  /// What `systemctl status` shows.
  private static func status(_ runs: Int, _ isDraining: Bool) -> String {
    let runs = "\(runs) active run\(runs == 1 ? "" : "s")"
    guard isDraining else { return runs }
    return "drained: takes no runs until wf drain --undo or a restart; \(runs)"
  }
}
