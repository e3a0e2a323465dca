import AccessKeys
import ArgumentParser
import FastCGI
import Hiredis
import Logging
import OTLP
import Workflow
import WorkflowAPI
import WorkflowOperations
import WorkflowStore
import WorkflowWorker

/// `wf api`: answers FastCGI requests.
struct APICommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "api", abstract: "Answer requests that nginx forwards by FastCGI.",
    discussion: """
      wf api                               the socket is standard input: systemd
      wf api --socket /run/wf/api.sock     creates this socket
      wf api --socket 127.0.0.1:9000

      SIGTERM stops it after the requests under way are answered; a second one stops it at once.
      """)

  @Option(
    name: .long, help: "The unix socket or the address to listen on. Default: standard input.", completion: .file())
  var socket: String?

  /// File descriptors beside those of the connections.
  private static let otherDescriptors = 64

  func run() async throws {
    let composition = try Composition(service: "wf-api")
    let settings = composition.settings
    try composition.loadURLParser()
    let connection = composition.connection("wf-api")
    // A separate connection, so that nothing waits behind a large document.
    let documents = composition.connection("wf-api-documents")
    // Writes wait there until replicas have them, and reads do not wait behind them.
    let writes = settings.limits.replicas > 0 ? composition.connection("wf-api-writes") : nil
    let notifier = SystemdNotifier()
    let partitions = composition.partitions(connection, writes: writes)
    let watch = DatabaseWatch(partitions, logger: composition.logger)
    let keys = APICommand.keys(composition)
    let exporter = try composition.spanExporter()
    let listener = try listener(settings)
    let server = APIServer(
      listener: listener, configuration: APICommand.serverConfiguration(composition),
      definitions: APICommand.definitions(composition),
      partitions: partitions, documents: composition.partitions(documents, writes: writes, timeout: .seconds(30)),
      events: composition.events(documents),
      warnings: { watch.warnings + (keys?.warnings ?? []) }, allowsAnonymous: settings.allowsAnonymous,
      keys: keys?.ring, siteURL: settings.url, spans: exporter, mayScrape: settings.mayScrape, meter: composition.meter,
      version: WF.configuration.version, logger: composition.logger,
      started: { notifier.ready("running") })
    let tasks = APICommand.companions(composition, connection, partitions, notifier, watch, keys)
    defer { for task in tasks { task.cancel() } }
    do {
      try await StoppableService(server, notifier: notifier, logger: composition.logger).run()
    } catch let error as FastCGIError {
      throw CommandFailure(sentence(error, listener), code: .configuration)
    } catch let mismatch as PartitionMismatch {
      throw CommandFailure(mismatch)
    }
    await exporter?.close()
    for connection in [connection, documents, writes] { connection?.close() }
  }

  /// Tells the service manager that the API is alive, and follows what changes beside the requests.
  private static func companions(
    _ composition: Composition, _ connection: RedisConnection, _ partitions: Partitions, _ notifier: SystemdNotifier,
    _ watch: DatabaseWatch, _ keys: KeyFileWatch?
  ) -> [Task<Void, Never>] {
    let outages = OutageLog("the read of the state of all runs", logger: composition.logger)
    return [
      Task { await Watchdog(notifier: notifier, partitions: partitions, outages: outages).run() },
      Task { if let keys { await keys.run() } },
      Task {
        await composition.warnAboutRedis(connection)
        await watch.run()
      },
    ]
  }

  /// Why the API cannot listen, with the path or the address that is meant.
  private func sentence(_ error: FastCGIError, _ listener: FastCGIListener) -> String {
    let place = socket == nil ? "standard input" : "--socket \(listener)"
    return if case .system = error { "\(place): \(error)" } else { "\(error)" }
  }

  /// The keys of clients; nil where requests need none.
  private static func keys(_ composition: Composition) -> KeyFileWatch? {
    guard let path = composition.settings.apiKeysFile else { return nil }
    if composition.settings.allowsAnonymous {
      composition.logger.notice("WF_ALLOW_ANONYMOUS has no effect beside WF_API_KEYS_FILE: every request needs a key")
    }
    return KeyFileWatch(path, logger: composition.logger)
  }

  private static func definitions(_ composition: Composition) -> DefinitionReader {
    DefinitionReader(
      operations: composition.registry(client: nil, requests: nil).schemas,
      maxStepBytes: composition.settings.worker.maxOutputBytes, callbacks: composition.callbackCheck)
  }

  private static func serverConfiguration(_ composition: Composition) -> FastCGIServerConfiguration {
    let settings = composition.settings
    var configuration = FastCGIServerConfiguration()
    configuration.maxBodyBytes = settings.worker.maxBodyBytes
    configuration.maxConnections = settings.apiConnections
    configuration.keepConnections = true
    // Longer than nginx's 60 s, so that it is nginx that gives a slow reader up.
    configuration.writeTimeout = .seconds(75)
    FileDescriptors.allow(settings.apiConnections + otherDescriptors)
    if configuration.connectionLimit < settings.apiConnections {
      composition.logger.warning(
        """
        WF_API_CONNECTIONS is \(settings.apiConnections), but the process may open files for \
        \(configuration.connectionLimit) only; raise LimitNOFILE of its unit, or ulimit -n
        """)
    }
    return configuration
  }

  private func listener(_ settings: Settings) throws -> FastCGIListener {
    let listener: FastCGIListener
    do {
      listener = try socket.map(FastCGIListener.parse) ?? .standardInput
    } catch {
      throw ValidationError("--socket: \(error)")
    }
    // Where a client is says nothing to an API that asks for keys.
    let answersOthers = settings.allowsAnonymous || settings.apiKeysFile != nil
    if socket == nil, !listener.isLocal, !answersOthers {
      throw CommandFailure(
        """
        standard input is no unix socket and no loopback address: name one, as in wf api --socket /run/wf/api.sock; \
        with WF_API_KEYS_FILE or WF_ALLOW_ANONYMOUS=1 other hosts may connect
        """, code: .configuration)
    }
    if !listener.isLocal, settings.apiKeysFile != nil, !settings.metricsAllow.isEmpty {
      throw CommandFailure(
        """
        other hosts can connect to the socket and say themselves which client they speak for (REMOTE_ADDR), so \
        WF_METRICS_ALLOW would admit anybody: listen on a unix socket or a loopback address, or give Prometheus a key of \
        the role admin in place of WF_METRICS_ALLOW
        """, code: .configuration)
    }
    guard listener.isLocal || answersOthers else {
      throw CommandFailure(
        """
        other hosts can connect to the socket \(listener) and say themselves which client they speak for (REMOTE_ADDR): \
        listen on a unix socket or a loopback address, or set WF_API_KEYS_FILE or WF_ALLOW_ANONYMOUS=1
        """, code: .configuration)
    }
    return listener
  }
}
